import { afterEach, expect, it } from 'vitest'
import { createI18n } from 'vue-i18n'
import { ApiError, whenSaid } from '@/api/http'
import { messages } from './catalogue'
import { sayer } from './said'

const i18n = createI18n({ legacy: false, locale: 'en', messages })
const said = sayer(i18n.global.t, i18n.global.te)

const problem = {
  type: 'about:blank',
  title: 'Bad Request',
  status: 400,
  detail: 'The request is not valid.',
  code: 'invalid',
  params: {},
  errors: [
    { field: 'phones.0', message: "'12' is no valid telephone number", code: 'not_phone', params: { value: '12' } },
    { field: 'name', message: 'something that is not known here' },
  ],
}
afterEach(() => {
  i18n.global.locale.value = 'en'
  whenSaid((message) => message)
})

it("says the server's sentences in the reader's language", () => {
  whenSaid(said)
  i18n.global.locale.value = 'zh-CN'
  const error = new ApiError(problem)
  expect(error.message).toBe('请求无效。')
  expect(error.fields).toEqual({ 'phones.0': '12 不是有效的电话号码', name: 'something that is not known here' })
})

it('keeps what has no text of ours', () => {
  expect(said('as it is', { code: 'never_heard' })).toBe('as it is')
  expect(said('as it is', {})).toBe('as it is')
})
