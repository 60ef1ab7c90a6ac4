import { defineAsyncComponent, type Component } from 'vue'
import type { Role } from '@/api/types'

/** One part of a customer's page. It gets the props `customerId: string`; its title is `customerPanel.KEY`. */
export interface CustomerPanel {
  key: string
  component: Component
  /** Who sees it; nobody named: everyone. */
  roles?: Role[]
}

/** In the order of the page. */
export const panels: CustomerPanel[] = [
  { key: 'timeline', component: defineAsyncComponent(() => import('./panels/TimelinePanel.vue')) },
  { key: 'identity', component: defineAsyncComponent(() => import('./panels/IdentityPanel.vue')) },
  { key: 'record', component: defineAsyncComponent(() => import('./panels/RecordPanel.vue')) },
  { key: 'cases', component: defineAsyncComponent(() => import('./panels/CasesPanel.vue')) },
  { key: 'tasks', component: defineAsyncComponent(() => import('./panels/TasksPanel.vue')) },
  { key: 'consent', component: defineAsyncComponent(() => import('./panels/ConsentPanel.vue')) },
  { key: 'relations', component: defineAsyncComponent(() => import('./panels/RelationsPanel.vue')) },
  {
    key: 'privacy',
    component: defineAsyncComponent(() => import('./panels/PrivacyPanel.vue')),
    roles: ['admin'],
  },
]
