import { createPinia } from 'pinia'
import { createApp } from 'vue'
import './style/tokens.css'
import './style/base.css'
import App from './App.vue'
import { whenSaid } from './api/http'
import { i18n, said } from './i18n'
import { router } from './router'

whenSaid(said)
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
