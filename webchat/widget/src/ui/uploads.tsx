/** Files on their way: each with its progress and a way to stop it; said as a line when it is there. */
import { useRef, useState } from 'preact/hooks'
import { useModel } from './model'

interface Upload {
  id: number
  name: string
  share: number
  failure: string | null
  stop: AbortController
}

export interface Uploads {
  add(files: File[]): void
  all: Upload[]
  drop(id: number): void
}

export function useUploads(): Uploads {
  const { client, session, speech, say } = useModel()
  const [all, setAll] = useState<Upload[]>([])
  const last = useRef(0)
  const change = (id: number, how: Partial<Upload>): void =>
    setAll((now) => now.map((one) => (one.id === id ? { ...one, ...how } : one)))
  const drop = (id: number): void => setAll((now) => now.filter((one) => one.id !== id))

  const begin = async (file: File): Promise<void> => {
    const limit = client.view?.file_bytes ?? 0
    const id = ++last.current
    const one: Upload = { id, name: file.name, share: 0, failure: null, stop: new AbortController() }
    const tooBig = file.size > limit
    if (tooBig) one.failure = say('file_too_big', { name: file.name, size: speech.bytes(limit) })
    setAll((now) => [...now, one])
    if (tooBig) return
    try {
      const view = await client.upload(file, (share) => change(id, { share }), one.stop.signal)
      session.say('', view)
      drop(id)
    } catch (error) {
      if (one.stop.signal.aborted) return drop(id)
      const failure = say('file_failed', { name: file.name })
      change(id, { failure: `${failure} ${speech.sayCode('error.', (error as Error).message, '')}`.trim() })
    }
  }
  return {
    all,
    add: (files) => files.forEach((file) => void begin(file)),
    drop(id) {
      all.find((one) => one.id === id)?.stop.abort()
      drop(id)
    },
  }
}

export function UploadList({ uploads }: { uploads: Uploads }) {
  const { say } = useModel()
  return (
    <>
      {uploads.all.map((one) => (
        <div class="upload" key={one.id} data-test="upload">
          {one.failure ? (
            <p class="error" role="alert">
              {one.failure}
            </p>
          ) : (
            <>
              <p id={`upload-${one.id}`}>
                {say('uploading', { name: one.name, percent: Math.round(one.share * 100) })}
              </p>
              <progress max={1} value={one.share} aria-labelledby={`upload-${one.id}`} />
            </>
          )}
          <button type="button" class="link" onClick={() => uploads.drop(one.id)}>
            {say(one.failure ? 'remove' : 'cancel')}
          </button>
        </div>
      ))}
    </>
  )
}
