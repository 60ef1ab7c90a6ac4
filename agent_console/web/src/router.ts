import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import type { Role } from '@/api/types'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Who may see the page; nobody named: everyone who is signed in. */
    roles?: Role[]
    /** One of these rights is needed. */
    rights?: string[]
    open?: boolean
    /** Without the frame of the console: a page for a screen on the wall. */
    bare?: boolean
  }
}

const supervision: Role[] = ['supervisor', 'admin']
/** The pages of the administration, by name, with the right that each needs. */
export const ADMIN_RIGHTS: Record<string, string> = {
  users: 'users.write',
  roles: 'users.write',
  teams: 'users.write',
  queues: 'catalogue.write',
  'pause-reasons': 'catalogue.write',
  dispositions: 'catalogue.write',
  skills: 'catalogue.write',
  campaigns: 'catalogue.write',
  'custom-fields': 'catalogue.write',
  'case-types': 'catalogue.write',
  segments: 'catalogue.write',
  purposes: 'catalogue.write',
  'chat-sites': 'catalogue.write',
  devices: 'live.read',
  health: 'live.read',
  audit: 'audit.read',
}
const ADMINISTRATION = ['users.write', 'catalogue.write', 'audit.read']

const routes: RouteRecordRaw[] = [
  { path: '/sign-in', name: 'sign-in', component: () => import('@/signin/SignIn.vue'), meta: { open: true } },
  { path: '/', name: 'desk', component: () => import('@/desk/DeskPage.vue') },
  { path: '/missed', name: 'missed', component: () => import('@/missed/MissedPage.vue') },
  {
    path: '/reports',
    component: () => import('@/admin/RecordsLayout.vue'),
    meta: { roles: supervision },
    children: [{ path: '', name: 'reports', component: () => import('@/reports/ReportsPage.vue') }],
  },
  {
    path: '/wallboard',
    name: 'wallboard',
    component: () => import('@/live/WallboardPage.vue'),
    meta: { rights: ['live.read'], bare: true },
  },
  {
    path: '/alarms',
    component: () => import('@/admin/RecordsLayout.vue'),
    meta: { rights: ['live.read'] },
    children: [{ path: '', name: 'alarm-rules', component: () => import('@/live/AlarmRulesPage.vue') }],
  },
  { path: '/live', name: 'live', component: () => import('@/live/LivePage.vue'), meta: { roles: supervision } },
  {
    path: '/',
    component: () => import('@/admin/RecordsLayout.vue'),
    children: [
      {
        path: 'interactions',
        name: 'interactions',
        component: () => import('@/interactions/InteractionsPage.vue'),
        meta: { roles: supervision },
      },
      { path: 'cases', name: 'cases', component: () => import('@/cases/CasesPage.vue') },
      { path: 'tasks', name: 'tasks', component: () => import('@/tasks/TasksPage.vue') },
      { path: 'search', name: 'search', component: () => import('@/search/SearchPage.vue') },
      { path: 'knowledge/:id?', name: 'knowledge', component: () => import('@/knowledge/KnowledgePage.vue') },
      {
        path: 'canned-replies',
        name: 'canned',
        component: () => import('@/chat/CannedPage.vue'),
        meta: { rights: ['knowledge.write'] },
      },
      { path: 'customers', name: 'customers', component: () => import('@/customers/CustomersPage.vue') },
      {
        path: 'imports',
        name: 'imports',
        component: () => import('@/imports/ImportsPage.vue'),
        meta: { roles: supervision },
      },
      {
        path: 'imports/:id',
        name: 'import',
        component: () => import('@/imports/ImportPage.vue'),
        meta: { roles: supervision },
      },
      {
        path: 'duplicates',
        name: 'duplicates',
        component: () => import('@/identity/SuggestionsPage.vue'),
        meta: { roles: supervision },
      },
      { path: 'customers/:id', name: 'customer', component: () => import('@/customers/CustomerPage.vue') },
    ],
  },
  {
    path: '/admin',
    name: 'admin',
    component: () => import('@/admin/AdminLayout.vue'),
    meta: { rights: ADMINISTRATION },
    children: [
      { path: 'users', name: 'users', component: () => import('@/admin/UsersPage.vue') },
      { path: 'roles', name: 'roles', component: () => import('@/admin/RolesPage.vue') },
      { path: 'teams', name: 'teams', component: () => import('@/admin/TeamsPage.vue') },
      { path: 'audit', name: 'audit', component: () => import('@/admin/AuditPage.vue') },
      { path: 'queues', name: 'queues', component: () => import('@/admin/QueuesPage.vue') },
      { path: 'pause-reasons', name: 'pause-reasons', component: () => import('@/admin/PauseReasonsPage.vue') },
      { path: 'dispositions', name: 'dispositions', component: () => import('@/admin/DispositionsPage.vue') },
      { path: 'skills', name: 'skills', component: () => import('@/admin/SkillsPage.vue') },
      { path: 'campaigns', name: 'campaigns', component: () => import('@/admin/CampaignsPage.vue') },
      { path: 'fields', name: 'custom-fields', component: () => import('@/customers/admin/CustomFieldsPage.vue') },
      { path: 'case-types', name: 'case-types', component: () => import('@/cases/CaseTypesPage.vue') },
      { path: 'segments', name: 'segments', component: () => import('@/customers/admin/SegmentsPage.vue') },
      { path: 'purposes', name: 'purposes', component: () => import('@/customers/admin/PurposesPage.vue') },
      { path: 'privacy', name: 'privacy', component: () => import('@/privacy/PrivacyPage.vue') },
      { path: 'chat-sites', name: 'chat-sites', component: () => import('@/admin/ChatSitesPage.vue') },
      { path: 'devices', name: 'devices', component: () => import('@/admin/DevicesPage.vue') },
      { path: 'health', name: 'health', component: () => import('@/admin/HealthPage.vue') },
    ],
  },
  { path: '/:rest(.*)*', redirect: '/' },
]

export const router = createRouter({ history: createWebHistory(), routes })

router.beforeEach(async (to) => {
  const session = useSession()
  await session.restore()
  if (!session.user)
    return to.meta.open ? true : { name: 'sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  const home = session.hasDesk ? 'desk' : 'live'
  if (to.meta.open) return { name: home }
  if (to.name === 'desk' && !session.hasDesk) return { name: 'live' }
  if (to.name === 'admin') {
    const first = Object.keys(ADMIN_RIGHTS).find((page) => session.can(ADMIN_RIGHTS[page]!))
    return { name: first ?? home }
  }
  const needed = ADMIN_RIGHTS[String(to.name)]
  const allowed =
    (!needed || session.can(needed)) &&
    to.matched.every(({ meta }) => !meta.rights || session.can(...meta.rights)) &&
    to.matched.every(({ meta }) => !meta.roles || meta.roles.includes(session.user!.role))
  return allowed ? true : { name: home }
})
