/** The lines of the conversation, own ones with what became of them. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Pending } from '../core/outbox'
import type { Line } from '../wire'
import { FileLine } from './file'
import { Links } from './links'
import { useModel } from './model'

/** Pixels from the end within which the visitor still reads along. */
const NEAR = 80

export function Thread() {
  const { session, say } = useModel()
  const log = useRef<HTMLDivElement>(null)
  const said = useRef<HTMLDivElement>(null)
  const reading = useRef(true)
  const { lines, pending } = session
  const mine = lines.filter((line) => line.by === 'visitor' && line.kind !== 'event')
  const lastMine = mine.at(-1)?.number
  const typing = session.typing

  useLayoutEffect(() => {
    const element = log.current
    if (element && reading.current) element.scrollTop = element.scrollHeight
  }, [lines.length, pending.length, typing !== null])

  useEffect(() => {
    const element = log.current
    if (!element) return
    // What appears above or below takes room: who read the end still sees it.
    const sizes = new ResizeObserver(() => {
      if (reading.current) element.scrollTop = element.scrollHeight
    })
    sizes.observe(element)
    if (said.current) sizes.observe(said.current) // a picture is drawn after its line came
    return () => sizes.disconnect()
  }, [])

  useEffect(() => {
    const seen = (): void => {
      if (reading.current && document.visibilityState === 'visible') session.seen()
    }
    seen()
    document.addEventListener('visibilitychange', seen)
    return () => document.removeEventListener('visibilitychange', seen)
  }, [lines.length])

  const scrolled = (): void => {
    const element = log.current
    if (!element) return
    reading.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR
    if (reading.current) session.seen()
  }
  return (
    <div class="log" role="log" aria-label={say('title')} tabIndex={0} ref={log} onScroll={scrolled} data-test="log">
      <div ref={said}>
        {lines.map((line, index) => (
          <Said
            key={line.id}
            line={line}
            before={lines[index - 1]}
            mark={line.number === lastMine && !pending.length}
          />
        ))}
        {pending.map((one) => (
          <Unconfirmed key={one.id} one={one} />
        ))}
        {typing && (
          <p class="typing" data-test="typing">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {say('typing', { name: typing.name ?? say('agent') })}
          </p>
        )}
      </div>
    </div>
  )
}

function Said({ line, before, mark }: { line: Line; before: Line | undefined; mark: boolean }) {
  const { session, speech, say } = useModel()
  if (line.kind === 'event' || line.by === 'system') return <Happened line={line} />
  const own = line.by === 'visitor'
  const name = own ? say('you') : (line.name ?? say('agent'))
  const goesOn = before?.by === line.by && before.name === line.name && line.at - before.at < 120
  const seen = (session.conversation?.seen ?? 0) >= line.number
  return (
    <div class={`said ${own ? 'own' : 'other'}`} data-number={line.number} data-test={own ? 'own' : 'other'}>
      <p class={goesOn ? 'hidden' : 'who'}>{say('said', { name, time: speech.time(line.at) })}</p>
      <Bubble line={line} />
      {mark && (
        <p class="mark" data-test="mark">
          {say(seen ? 'seen' : 'sent')}
        </p>
      )}
    </div>
  )
}

function Bubble({ line }: { line: Pick<Line, 'text' | 'file'> }) {
  return (
    <div class="bubble">
      {line.file && <FileLine file={line.file} />}
      {line.text && (
        <p dir="auto">
          <Links text={line.text} />
        </p>
      )}
    </div>
  )
}

function Happened({ line }: { line: Line }) {
  const { speech, say } = useModel()
  const name = line.name ?? say('agent')
  const known = speech.sayCode('event_', line.text, '', { name })
  const text = line.kind === 'event' ? known : line.text
  return text ? (
    <p class="event" data-number={line.number} data-test="event">
      {text}
    </p>
  ) : null
}

function Unconfirmed({ one }: { one: Pending }) {
  const { session, speech, say } = useModel()
  const over = session.conversation?.state === 'ended'
  return (
    <div class="said own" data-test="pending">
      <Bubble line={one} />
      {one.failure ? (
        <p class="mark error">
          {say('not_sent')}: {speech.sayCode('error.', one.failure.code, one.failure.message)}{' '}
          {!over && (
            <button type="button" class="link" onClick={() => session.again(one.id)}>
              {say('again')}
            </button>
          )}
          <button type="button" class="link" onClick={() => session.discard(one.id)}>
            {say('remove')}
          </button>
        </p>
      ) : (
        <p class="mark">{say('sending')}</p>
      )}
    </div>
  )
}
