import { expect, it } from 'vitest'
import { refusedCsv } from './csv'

it('writes the refused rows with their reasons', () => {
  const text = refusedCsv({
    read: 3,
    created: 1,
    updated: 0,
    refused: [
      { line: 2, field: 'phone', reason: 'not a number, really', row: { name: '王 "小" 明', phone: '12' } },
      { line: 3, field: null, reason: 'bad', row: { name: '=1+1', phone: '+86 138 0013 8000' } },
    ],
  })
  expect(text).toBe(
    '\ufeffline,field,reason,name,phone\r\n' +
      '2,phone,"not a number, really","王 ""小"" 明",12\r\n' +
      "3,,bad,'=1+1,+86 138 0013 8000\r\n",
  )
})
