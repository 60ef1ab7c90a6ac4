import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, ApiError, list } from '@/api/http'
import type { CaseType } from '@/cases/types'

export type Labels = Record<string, string>
export type FieldType = 'text' | 'number' | 'date' | 'choice' | 'flag'

export interface FieldChoice {
  code: string
  labels: Labels
}

/** A field that the site keeps of its customers. */
export interface CustomField {
  code: string
  labels: Labels
  type: FieldType
  of: 'person' | 'organisation' | 'any'
  required: boolean
  sensitive: boolean
  choices: FieldChoice[]
  position: number
  retired: boolean
}

export interface Purpose {
  code: string
  labels: Labels
  texts: Labels
  version: string
  position: number
  retired: boolean
}

export interface Colleague {
  name: string
  display_name: string
}

/** What the site set up: read once, and again when an administrator changed something here. */
export const useSite = defineStore('site', () => {
  const fields = ref<CustomField[]>([])
  const purposes = ref<Purpose[]>([])
  const caseTypes = ref<CaseType[]>([])
  const calendars = ref<string[]>([])
  const people = ref<Colleague[]>([])
  let asked = false

  async function reload(): Promise<void> {
    asked = true
    try {
      const types = api<{ items: CaseType[]; calendars: string[] }>('GET', '/api/case-types').then((answer) => {
        caseTypes.value = answer.items
        calendars.value = answer.calendars
      })
      const rest = [
        list<CustomField>('/api/custom-fields').then((found) => (fields.value = found)),
        list<Purpose>('/api/consent-purposes').then((found) => (purposes.value = found)),
        list<Colleague>('/api/owners').then((found) => (people.value = found)),
      ]
      await Promise.all([types, ...rest])
    } catch (error) {
      asked = false
      if (!(error instanceof ApiError)) throw error
    }
  }

  /** Once for all who ask. */
  const ensure = () => void (asked || reload())
  const caseType = (code: string) => caseTypes.value.find((one) => one.code === code)
  const caseState = (type: string, state: string) => caseType(type)?.states.find((one) => one.code === state)
  const personName = (name: string | null) =>
    name === null ? '' : (people.value.find((one) => one.name === name)?.display_name ?? name)
  const inUse = computed(() => caseTypes.value.filter((one) => !one.retired))

  return {
    fields,
    purposes,
    caseTypes,
    inUse,
    calendars,
    people,
    reload,
    ensure,
    caseType,
    caseState,
    personName,
  }
})
