import type { CustomerView } from '@/wire'

/** A number of a customer, as the list under the dial field offers it. */
export interface Offer {
  key: string
  id: string
  name: string
  organisation: string | null
  number: string
}

const NUMBER = /^[+\d\s()./*#-]+$/

/** Whether somebody types a number, not a name. */
export const isNumber = (text: string): boolean => NUMBER.test(text.trim())

/** The number without what people put between the digits. */
export const digits = (text: string): string => text.replace(/[\s()./-]/g, '')

/** Every number of every customer found, in their order. */
export const offers = (found: CustomerView[]): Offer[] =>
  found.flatMap(({ id, name, organisation, phones }) =>
    phones.map((number) => ({ key: `${id} ${number}`, id, name, organisation, number })),
  )
