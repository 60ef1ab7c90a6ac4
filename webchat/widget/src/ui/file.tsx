/** A file in a line: its name and size, fetched with the visitor's token; pictures are drawn, never loaded by address. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { FileView } from '../wire'
import { Icon } from './icons'
import { useModel } from './model'

const DRAWN = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])
/** Bytes up to which a picture is fetched to be shown. */
const SHOWN = 3_000_000
const WIDTH = 240

export function FileLine({ file }: { file: FileView }) {
  const { client, speech, say } = useModel()
  const [failed, setFailed] = useState(false)
  const save = async (): Promise<void> => {
    try {
      const address = URL.createObjectURL(await client.file(file.id))
      const link = document.createElement('a')
      link.href = address
      link.download = file.name
      link.click()
      setTimeout(() => URL.revokeObjectURL(address), 60_000)
    } catch {
      setFailed(true)
    }
  }
  return (
    <>
      {DRAWN.has(file.type) && file.size <= SHOWN && <Picture file={file} />}
      <button type="button" class="file" onClick={() => void save()} data-test="file">
        <Icon name="file" />
        <span class="name" dir="auto">
          {file.name}
        </span>
        <span class="size" dir="auto">
          {speech.bytes(file.size)}
        </span>
        <span class="hidden">{say('download')}</span>
      </button>
      {failed && <p role="alert">{say('error.failed')}</p>}
    </>
  )
}

/** Drawn on a canvas: a page's rule for pictures (`img-src`) need not know of us. */
function Picture({ file }: { file: FileView }) {
  const { client, say } = useModel()
  const canvas = useRef<HTMLCanvasElement>(null)
  const [drawn, setDrawn] = useState(false)
  useEffect(() => {
    let gone = false
    const draw = async (): Promise<void> => {
      const picture = await createImageBitmap(await client.file(file.id))
      const element = canvas.current
      if (gone || !element) return
      const scale = Math.min(1, (WIDTH * devicePixelRatio) / picture.width)
      element.width = picture.width * scale
      element.height = picture.height * scale
      element.getContext('2d')?.drawImage(picture, 0, 0, element.width, element.height)
      setDrawn(true)
    }
    draw().catch(() => {})
    return () => {
      gone = true
    }
  }, [file.id])
  return (
    <canvas ref={canvas} role="img" aria-label={say('picture', { name: file.name })} class="picture" hidden={!drawn} />
  )
}
