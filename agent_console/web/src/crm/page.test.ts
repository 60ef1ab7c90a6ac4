import { describe, expect, it } from 'vitest'
import type { CrmPage } from '@/wire'
import { addressOf, ruleFor } from './page'

const call = { id: 'i-1', pbx: 'main', queue: 'support', customer_id: 'c 1', customer_address: '+8613800138000' }
const URL_ = 'https://crm.example/c?tel={e164}&id={customer_id}&i={interaction_id}'
const rule = (more: Partial<CrmPage>): CrmPage => ({ queue: null, pbx: null, url: URL_, open_on: 'ring', ...more })

describe('the rule for a call', () => {
  it('is the first whose queue and PBX fit', () => {
    const berlin = rule({ queue: 'support', pbx: 'berlin' })
    const support = rule({ queue: 'support' })
    const any = rule({})
    expect(ruleFor([berlin, support, any], call)).toBe(support)
    expect(ruleFor([berlin, support, any], { ...call, pbx: 'berlin' })).toBe(berlin)
    expect(ruleFor([berlin, support, any], { ...call, queue: null })).toBe(any)
    expect(ruleFor([berlin], call)).toBeUndefined()
    expect(ruleFor([], call)).toBeUndefined()
  })
})

describe('the address', () => {
  it('has every value percent-encoded', () => {
    expect(addressOf(URL_, call, 'anna')).toBe('https://crm.example/c?tel=%2B8613800138000&id=c%201&i=i-1')
    expect(addressOf('https://crm.example/{agent}/{queue}#{pbx}', { ...call, queue: '售后' }, 'anna')).toBe(
      'https://crm.example/anna/%E5%94%AE%E5%90%8E#main',
    )
  })

  it.each(['.', '..'])('does not let %j lead upwards', (number) => {
    expect(addressOf('https://crm.example/c/{e164}', { ...call, customer_address: number }, 'anna')).toBe(
      'https://crm.example/c/',
    )
  })

  it('leaves out what is not known', () => {
    expect(addressOf(URL_, { ...call, customer_id: null, customer_address: null }, 'anna')).toBe(
      'https://crm.example/c?tel=&id=&i=i-1',
    )
  })

  it.each([
    '1&id=admin',
    '1#x',
    '../../admin',
    '//evil.example/',
    '1"><script>alert(1)</script>',
    "1');alert(1)//",
    '{customer_id}',
    '１２３ ٣٤٥',
    '\r\nX: y',
    'a\ud800b',
    '%2e%2e%2f',
  ])('keeps %j in its place', (number) => {
    const got = addressOf('https://crm.example/c/{e164}?tel={e164}', { ...call, customer_address: number }, 'anna')
    const url = new URL(got!)
    expect(url.origin).toBe('https://crm.example')
    expect(url.pathname.split('/')).toHaveLength(3)
    expect([...url.searchParams.keys()]).toEqual(['tel'])
    expect(url.searchParams.get('tel')).toBe(number.replace('\ud800', '\ufffd'))
    expect(url.hash).toBe('')
    expect(got).not.toMatch(/[<>"'\s{}()]/)
  })

  it.each([
    'javascript:alert(1)',
    'javascript://crm.example/%0aalert({e164})',
    'data:text/html,{e164}',
    'http://crm.example/{e164}',
    'file:///etc/passwd',
    '//crm.example/{e164}',
    '/c?tel={e164}',
    'https://{e164}/c',
    'https://{queue}.example/',
    'https://crm.example:{e164}/',
    'https://anna:word@crm.example/{e164}',
    '{e164}',
    '',
  ])('is never %j', (template) => {
    expect(addressOf(template, call, 'anna')).toBeNull()
  })

  it.each(['http://localhost:8000/{e164}', 'http://127.0.0.1/{e164}', 'http://[::1]:9/{e164}'])(
    'may be plain on this computer: %s',
    (template) => expect(addressOf(template, call, 'anna')).toContain('%2B86'),
  )
})
