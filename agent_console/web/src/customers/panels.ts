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
]
