/** Where the visitor writes: text, emojis, files by choosing, dropping or pasting. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { MAX_TEXT } from '../wire'
import { Emojis } from './emojis'
import { Icon } from './icons'
import { useModel } from './model'
import type { Uploads } from './uploads'

export function Composer({ uploads }: { uploads: Uploads }) {
  const { client, session, speech, say } = useModel()
  const [text, setText] = useState(client.box.get<string>('draft') ?? '')
  const [picking, setPicking] = useState(false)
  const input = useRef<HTMLTextAreaElement>(null)
  const chooser = useRef<HTMLInputElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  const limit = client.view?.file_bytes ?? 0

  useEffect(() => {
    const element = input.current
    if (!element) return
    element.style.height = 'auto'
    element.style.height = `${Math.min(element.scrollHeight, 120)}px`
  }, [text])

  const write = (value: string): void => {
    setText(value)
    if (value) client.box.set('draft', value)
    else client.box.drop('draft')
    session.isTyping(value.trim() !== '')
  }
  const send = (): void => {
    const said = text.trim()
    if (!said) return
    session.say(said)
    write('')
    input.current?.focus()
  }
  const typed = (event: KeyboardEvent): void => {
    // While an input method composes, Enter chooses a word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    send()
  }
  const insert = (emoji: string): void => {
    const element = input.current
    const at = element?.selectionStart ?? text.length
    write(text.slice(0, at) + emoji + text.slice(element?.selectionEnd ?? at))
    setPicking(false)
    requestAnimationFrame(() => {
      element?.focus()
      element?.setSelectionRange(at + emoji.length, at + emoji.length)
    })
  }
  const pasted = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (!files.length || !client.view?.files) return
    event.preventDefault()
    uploads.add(files)
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {picking && (
        <Emojis
          choose={insert}
          close={() => {
            setPicking(false)
            opener.current?.focus()
          }}
        />
      )}
      <label class="hidden" for="write">
        {say('write')}
      </label>
      <textarea
        id="write"
        ref={input}
        rows={1}
        dir="auto"
        maxLength={MAX_TEXT}
        placeholder={say('write')}
        value={text}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={typed}
        onPaste={pasted}
        enterkeyhint="send"
        data-test="write"
      />
      <div class="tools">
        <button
          type="button"
          class="icon-button"
          ref={opener}
          aria-label={say('emoji')}
          title={say('emoji')}
          aria-expanded={picking}
          onClick={() => setPicking(!picking)}
          data-test="emoji"
        >
          <Icon name="smile" />
        </button>
        {client.view?.files && (
          <>
            <button
              type="button"
              class="icon-button"
              aria-label={`${say('attach')}. ${say('attach_limit', { size: speech.bytes(limit) })}`}
              title={`${say('attach')} · ${say('attach_limit', { size: speech.bytes(limit) })}`}
              onClick={() => chooser.current?.click()}
              data-test="attach"
            >
              <Icon name="clip" />
            </button>
            <input
              ref={chooser}
              type="file"
              multiple
              hidden
              tabIndex={-1}
              aria-hidden="true"
              data-test="chooser"
              onChange={(event) => {
                uploads.add([...(event.currentTarget.files ?? [])])
                event.currentTarget.value = ''
              }}
            />
          </>
        )}
        {client.view?.files && (
          <span class="limit" dir="auto">
            {say('attach_limit', { size: speech.bytes(limit) })}
          </span>
        )}
        <button type="submit" class="main send" aria-label={say('send')} title={say('send')} data-test="send">
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
