/** Colours of the site, kept readable; light or dark as the page or the system wants it. */

/** Relative luminance of a colour as the browser computes it (WCAG 2.2). */
function luminance([red, green, blue]: number[]): number {
  const linear = (part = 0): number => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/** Black or white, whichever is easier to read on a colour. */
export function readableOn(rgb: number[]): string {
  const light = luminance(rgb)
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? '#fff' : '#000'
}

function parsed(colour: string): number[] | null {
  if (!CSS.supports('color', colour)) return null
  const context = document.createElement('canvas').getContext('2d')
  if (!context) return null
  context.fillStyle = colour
  context.fillRect(0, 0, 1, 1)
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
}

/** The theme's keys as custom properties `--callweave-KEY`; a page's own style sheet may set them too. */
export function paint(host: HTMLElement, theme: Record<string, string>): void {
  for (const [key, value] of Object.entries(theme)) {
    if (/^[a-z][a-z0-9_-]{0,39}$/.test(key) && !/[;{}<>]|url\(/i.test(value))
      host.style.setProperty(`--callweave-${key}`, value)
  }
  const accent = getComputedStyle(host).getPropertyValue('--callweave-accent').trim()
  const rgb = accent && parsed(accent)
  if (rgb) host.style.setProperty('--callweave-on-accent', readableOn(rgb))
  if (theme.position === 'start') host.dataset.position = 'start'
}

/** Draws with the scheme that is wanted, again when the system changes its own. */
export function scheme(wanted: string, draw: (dark: boolean) => void): void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const now = (): void => draw(wanted === 'dark' || (wanted !== 'light' && system.matches))
  system.addEventListener('change', now)
  now()
}
