// What the fake server knows.
import { randomUUID } from 'node:crypto'

const person = (name, phones, more = {}) => ({
  id: randomUUID(),
  name,
  phones,
  emails: [],
  organisation: null,
  language: null,
  vip: false,
  notes: null,
  ...more,
})

const label = (en, zh) => ({ en, 'zh-CN': zh })
const choice = (code, en, zh, position) => ({ code, labels: label(en, zh), queues: [], position, retired: false })

const interaction = (fields) => ({
  id: randomUUID(),
  pbx: 'demo',
  customer_id: null,
  customer_name_known: null,
  disposition: null,
  notes: null,
  state: 'ended',
  channel: 'voice',
  direction: 'inbound',
  customer_address: '+8613800138000',
  customer_name: null,
  dialled: '800',
  queue: 'support',
  outcome: 'answered',
  started_at: null,
  answered_at: null,
  ended_at: null,
  ended_by: 'customer',
  wait_seconds: 12.4,
  talk_seconds: 0,
  hold_seconds: 0,
  linked_ids: ['1795293080.15'],
  unique_ids: ['1795293080.15', '1795293081.16'],
  offers: [],
  segments: [],
  transfers: [],
  holds: [],
  recordings: [],
  conference: false,
  parked: false,
  inferred: false,
  queues: ['support'],
  queue_visits: [],
  ...fields,
})

export function seedData(now) {
  const customers = [
    person('王小明', ['+8613800138000'], {
      organisation: '上海远洋物流有限公司',
      vip: true,
      language: 'zh-CN',
      notes: '偏好普通话，下午联系',
    }),
    person('Margaret Whitfield', ['+442079460958'], {
      organisation: 'Whitfield & Sons',
      language: 'en',
      emails: ['margaret@whitfield.example'],
    }),
    person('李静', ['+8613912345678', '+862161234567;ext=12'], {
      organisation: '明德科技',
      emails: ['lijing@mingde.example'],
    }),
    person('李建国', ['+8613912345678'], { organisation: '明德科技' }),
    person('李雪', ['+8613912345678'], { organisation: '明德科技', vip: true }),
    ...Array.from({ length: 120 }, (_, n) =>
      person(`Customer ${n + 1}`, [`+86138${String(10000000 + n * 7919).slice(0, 8)}`]),
    ),
  ]
  const dispositions = [
    choice('solved', 'Solved', '已解决', 1),
    choice('callback', 'Call back', '需回访', 2),
    choice('order', 'Order taken', '已下单', 3),
    choice('complaint', 'Complaint', '投诉', 4),
    choice('wrong_number', 'Wrong number', '打错电话', 5),
  ]
  const pauseReasons = [
    choice('break', 'Break', '小休', 1),
    choice('lunch', 'Lunch', '用餐', 2),
    choice('training', 'Training', '培训', 3),
    choice('meeting', 'Meeting', '会议', 4),
    choice('back_office', 'Paperwork', '文书处理', 5),
  ]
  const queues = [
    { name: 'support', pbx: 'demo', label: '技术支持', service_level_seconds: 20, wrap_up_seconds: 30 },
    { name: 'sales', pbx: 'demo', label: '销售热线', service_level_seconds: 15, wrap_up_seconds: 20 },
    { name: 'vip', pbx: 'demo', label: 'VIP 专线', service_level_seconds: 10, wrap_up_seconds: 45 },
  ]
  const timeline = (at) => [
    {
      interaction_id: 't1',
      at: at - 5_400,
      channel: 'voice',
      direction: 'inbound',
      queue: 'support',
      agent: 'Ben',
      outcome: 'answered',
      talk_seconds: 221,
      disposition: 'callback',
      notes: '货物在宁波港延误两天，答应今天下午回电确认到港时间。',
    },
    {
      interaction_id: 't2',
      at: at - 93_000,
      channel: 'voice',
      direction: 'inbound',
      queue: 'support',
      agent: null,
      outcome: 'abandoned',
      talk_seconds: 0,
      disposition: null,
      notes: null,
    },
    {
      interaction_id: 't3',
      at: at - 6 * 86_400,
      channel: 'voice',
      direction: 'outbound',
      queue: null,
      agent: 'Anna',
      outcome: 'answered',
      talk_seconds: 64,
      disposition: 'solved',
      notes: 'Sent the invoice again by mail.',
    },
    {
      interaction_id: 't4',
      at: at - 20 * 86_400,
      channel: 'voice',
      direction: 'inbound',
      queue: 'sales',
      agent: 'Anna',
      outcome: 'answered',
      talk_seconds: 512,
      disposition: 'order',
      notes: '续签一年合同。',
    },
    {
      interaction_id: 't5',
      at: at - 400 * 86_400,
      channel: 'voice',
      direction: 'inbound',
      queue: 'sales',
      agent: 'Ben',
      outcome: 'answered',
      talk_seconds: 95,
      disposition: 'solved',
      notes: null,
    },
  ]
  const interactions = Array.from({ length: 90 }, (_, n) => {
    const customer = customers[n % 9]
    const answered = n % 7 !== 3
    const start = now - 900 - n * 1_740
    const agent = n % 3 ? 'PJSIP/1001' : 'PJSIP/1002'
    const outbound = n % 11 === 5
    return interaction({
      customer_id: customer.id,
      customer_name_known: customer.name,
      customer_address: customer.phones[0],
      direction: outbound ? 'outbound' : 'inbound',
      queue: outbound ? null : queues[n % 3].name,
      outcome: answered ? 'answered' : 'abandoned',
      started_at: start,
      answered_at: answered ? start + 14 : null,
      ended_at: start + (answered ? 14 + 47 + n * 3 : 22),
      wait_seconds: outbound ? null : answered ? 14 : 22,
      talk_seconds: answered ? 47 + n * 3 : 0,
      disposition: answered ? dispositions[n % 5].code : null,
      notes: answered && n % 2 ? '客户询问订单进度，已告知预计周三送达。' : null,
      offers: [
        ...(n % 4 === 2 ? [{ agent: 'PJSIP/1002', at: start + 2, result: 'no_answer', ring_seconds: 8 }] : []),
        { agent, at: start + 10, result: answered ? 'answered' : 'cancelled', ring_seconds: 4 },
      ],
      segments: answered
        ? [{ agent, from: start + 14, to: start + 61 + n * 3 }]
        : [{ agent, from: null, to: start }].slice(1),
      queue_visits: outbound
        ? []
        : [
            {
              queue: queues[n % 3].name,
              entered_at: start + 1,
              left_at: start + 14,
              wait_seconds: 13,
              result: answered ? 'answered' : 'abandoned',
            },
          ],
      holds: n % 5 === 1 ? [{ by: agent, seconds: 11.5 }] : [],
      transfers: n % 9 === 4 ? [{ kind: 'blind', from: agent, to: 'queue:sales', completed: true }] : [],
    })
  })

  const callers = {
    known: { customer: customers[0], address: customers[0].phones[0], strength: 'known', timeline: timeline(now) },
    slow: { customer: customers[0], address: customers[0].phones[0], strength: 'known', timeline: timeline(now) },
    english: {
      customer: customers[1],
      address: customers[1].phones[0],
      strength: 'known',
      timeline: timeline(now).slice(0, 2),
      open_cases: [{ id: 'c1', title: 'Refund for order 4711 not received' }],
    },
    maybe: { customer: customers[1], address: '+442079460958', strength: 'maybe', timeline: timeline(now).slice(2) },
    candidates: { candidates: customers.slice(2, 5), address: '+8613912345678', strength: 'candidates' },
    unknown: { address: '+8615512349876', strength: 'unknown', name: 'ZHANG WEI' },
  }

  return {
    customers,
    dispositions,
    pauseReasons,
    queues,
    interactions,
    timeline,
    users: [
      {
        name: 'anna',
        display_name: 'Anna Schmidt',
        role: 'agent',
        devices: ['PJSIP/1001'],
        language: 'en',
        disabled: false,
        version: 1,
      },
      {
        name: 'ben',
        display_name: '陈本',
        role: 'agent',
        devices: ['PJSIP/1002'],
        language: 'zh-CN',
        disabled: false,
        version: 1,
      },
      {
        name: 'sofia',
        display_name: 'Sofia Rossi',
        role: 'supervisor',
        devices: [],
        language: 'en',
        disabled: false,
        version: 3,
      },
      {
        name: 'admin',
        display_name: 'Administrator',
        role: 'admin',
        devices: [],
        language: null,
        disabled: false,
        version: 1,
      },
      {
        name: 'carl',
        display_name: 'Carl Former',
        role: 'agent',
        devices: ['PJSIP/1007'],
        language: null,
        disabled: true,
        version: 5,
      },
    ],
    devices: [
      { pbx: 'demo', device: 'PJSIP/1001', state: 'inuse', agent: 'anna', queues: ['support', 'sales'] },
      { pbx: 'demo', device: 'PJSIP/1002', state: 'not_inuse', agent: 'ben', queues: ['support'] },
      { pbx: 'demo', device: 'PJSIP/1003', state: 'unavailable', agent: null, queues: [] },
    ],
    pbx: [{ pbx: 'demo', state: 'up', since: now - 3600, reason: null }],
    importReport: {
      read: 1250,
      created: 1190,
      updated: 57,
      refused: [
        { line: 14, field: 'phone', reason: 'not a phone number', row: { name: 'Zhao', phone: '12' } },
        { line: 88, field: 'name', reason: 'empty', row: { name: '', phone: '+8613800000001' } },
        { line: 1002, field: 'email', reason: 'no @', row: { name: 'Ada', email: 'ada.example' } },
      ],
    },
    health: (at) => [
      { part: 'database', state: 'ok', since: at - 86_400, detail: 'sqlite, 2,318 events' },
      { part: 'journal', state: 'ok', since: at - 86_400, detail: '0 of 64 MiB' },
      { part: 'pbx demo', state: 'degraded', since: at - 42, detail: 'connecting, 3rd try' },
      { part: 'mail', state: 'failed', since: at - 640, detail: 'connection refused' },
    ],
    gaps: (at) => [{ pbx: 'demo', from: at - 7200, to: at - 7188, reason: 'connection reset' }],
    queueViews: (at) => [
      {
        pbx: 'demo',
        queue: 'support',
        label: '技术支持',
        waiting: 3,
        longest_wait_since: at - 47,
        ready: 2,
        busy: 4,
        not_ready: 1,
      },
      {
        pbx: 'demo',
        queue: 'sales',
        label: 'Sales hotline',
        waiting: 0,
        longest_wait_since: null,
        ready: 5,
        busy: 1,
        not_ready: 0,
      },
      {
        pbx: 'demo',
        queue: 'vip',
        label: 'VIP 专线',
        waiting: 1,
        longest_wait_since: at - 8,
        ready: 0,
        busy: 2,
        not_ready: 2,
      },
    ],
    colleagues: (at) =>
      [
        ['ben', '陈本', 'BUSY', null],
        ['lea', 'Léa Martin', 'READY', null],
        ['wei', '赵伟', 'NOT_READY', 'lunch'],
        ['ivan', 'Ivan Petrov', 'WRAP_UP', null],
        ['mei', '林美', 'LOGGED_OUT', null],
      ].map(([agent, name, state, reason], n) => ({
        agent,
        name,
        state,
        reason,
        since: at - 60 * (n + 1) - 17,
        until: null,
        interaction_id: null,
        devices: [`PJSIP/10${n + 10}`],
        queues: ['support'],
      })),
    pop(kind, at, device) {
      const caller = callers[kind] ?? callers.known
      return {
        interaction: interaction({
          state: 'ringing',
          outcome: null,
          ended_by: null,
          wait_seconds: null,
          customer_id: caller.strength === 'known' ? caller.customer.id : null,
          customer_name_known: caller.strength === 'known' ? caller.customer.name : null,
          customer_name: caller.name ?? null,
          customer_address: caller.address,
          started_at: at - 12,
          offers: [{ agent: device, at, result: null, ring_seconds: null }],
          queue_visits: [{ queue: 'support', entered_at: at - 11, left_at: null, wait_seconds: null, result: null }],
        }),
        customer: caller.customer ?? null,
        candidates: caller.candidates ?? [],
        strength: caller.strength,
        looking_up: false,
        timeline: caller.timeline ?? [],
        open_cases: caller.open_cases ?? [],
        queue: 'support',
        waited_seconds: 11,
        pbx_received_at: at,
        emitted_at: at,
      }
    },
  }
}
