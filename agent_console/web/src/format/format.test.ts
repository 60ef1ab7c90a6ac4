import { describe, expect, it } from 'vitest'
import { clock, elapsed, remaining } from './duration'
import { language } from './language'
import { listed } from './listed'
import { moment } from './moment'
import { percent } from './percent'
import { phone } from './phone'

describe('clock', () => {
  it.each([
    [0, '0:00'],
    [-3, '0:00'],
    [59.9, '0:59'],
    [60, '1:00'],
    [3599, '59:59'],
    [3600, '1:00:00'],
    [36061, '10:01:01'],
  ])('%d s is %s', (seconds, text) => expect(clock(seconds)).toBe(text))

  it('counts up from a moment and down to one', () => {
    expect(elapsed(100, 142.6)).toBe('0:42')
    expect(remaining(142.2, 100)).toBe('0:42')
    expect(remaining(142, 150)).toBe('0:00')
    expect(elapsed(null, 1)).toBe('–')
  })
})

describe('moment', () => {
  const now = new Date(2026, 10, 21, 15, 0).getTime() / 1000
  const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime() / 1000

  it('is as short as it stays clear', () => {
    expect(moment(at(2026, 10, 21, 9, 5), now, 'en')).toBe('09:05')
    expect(moment(at(2026, 10, 20, 23, 59), now, 'en')).toBe('yesterday 23:59')
    expect(moment(at(2026, 10, 20, 23, 59), now, 'zh-CN')).toBe('昨天 23:59')
    expect(moment(at(2026, 1, 3, 8, 0), now, 'en')).toContain('Feb 3')
    expect(moment(at(2025, 1, 3, 8, 0), now, 'zh-CN')).toBe('2025年2月3日')
    expect(moment(null, now, 'en')).toBe('–')
  })
})

describe('phone', () => {
  it.each([
    ['+8613800138000', '+86 138 0013 8000'],
    ['+442079460958', '+44 20 7946 0958'],
    ['+862161234567;ext=12', '+86 21 6123 4567 – 12'],
    ['1001', '1001'],
    ['anonymous', 'anonymous'],
    ['', ''],
    [null, ''],
  ])('%s', (address, text) => expect(phone(address)).toBe(text))
})

describe('percent and lists', () => {
  it('are written as the language does', () => {
    expect(percent(59.46, 'en')).toBe('59%')
    expect(percent(59.46, 'zh-CN', 1)).toBe('59.5%')
    expect(listed(['Anna', 'Ben'], 'en')).toBe('Anna, Ben')
    expect(listed(['安娜', '本'], 'zh-CN')).toBe('安娜、本')
  })
})

describe('language', () => {
  it.each([
    ['fr', 'en', 'French'],
    ['fr', 'zh-CN', '法语'],
    ['zh-CN', 'zh-CN', '中文（中国）'],
    ['no tag', 'en', 'no tag'],
    ['', 'en', ''],
  ])('%s for a reader of %s is %s', (tag, locale, text) => expect(language(tag, locale)).toBe(text))
})
