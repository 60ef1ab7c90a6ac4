/** Pictures of the buttons: strokes in the colour of the text. */
const PATHS = {
  chat: 'M4 5h16v11H9l-5 4z',
  close: 'M6 6l12 12M18 6L6 18',
  down: 'M6 9l6 6 6-6',
  send: 'M4 12l16-8-6 16-3-6z',
  clip: 'M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7L9.3 17a1.6 1.6 0 0 1-2.3-2.3L14.500 7.500',
  smile: 'M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM8.500 14.500a4.500 4.500 0 0 0 7 0M9 9.500v.5M15 9.500v.5',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  file: 'M7 3h7l4 4v14H7zM14 3v4h4',
  star: 'M12 3.500l2.600 5.600 6 .7-4.500 4.200 1.200 6L12 17l-5.300 3 1.200-6-4.500-4.200 6-.7z',
}

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" focusable="false" class={`icon ${name}`}>
      <path d={PATHS[name]} />
    </svg>
  )
}
