/** On a phone the chat fills what the on-screen keyboard leaves of the screen. */
import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'

const PHONE = '(max-width: 479.9px)'

/** Whether the screen is a phone's; keeps the visible rectangle in the root's `--height` and `--top`. */
export function useFit(root: RefObject<HTMLElement>, open: boolean): boolean {
  const [phone, setPhone] = useState(() => matchMedia(PHONE).matches)
  useEffect(() => {
    const query = matchMedia(PHONE)
    const changed = (): void => setPhone(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [])
  useEffect(() => {
    const view = window.visualViewport
    if (!view || !open || !phone) return
    const fit = (): void => {
      root.current?.style.setProperty('--height', `${view.height}px`)
      root.current?.style.setProperty('--top', `${view.offsetTop}px`)
    }
    fit()
    view.addEventListener('resize', fit)
    view.addEventListener('scroll', fit)
    return () => {
      view.removeEventListener('resize', fit)
      view.removeEventListener('scroll', fit)
    }
  }, [open, phone])
  return phone
}
