import { ApiError, type Problem } from '@/api/http'
import type { ChatFile } from '@/wire'

/** Send a file into a chat; `progress` is told shares of 0 to 1. Rejects with `ApiError`, also when it was called off. */
export function upload(
  chat: string,
  file: File,
  progress: (share: number) => void,
  signal?: AbortSignal,
): Promise<ChatFile> {
  return new Promise((resolve, reject) => {
    // `fetch` tells no progress of what is sent.
    const request = new XMLHttpRequest()
    const fail = (problem: Problem) => reject(new ApiError(problem))
    request.open('POST', `/api/chats/${encodeURIComponent(chat)}/files`)
    request.responseType = 'json'
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total)
    request.onload = () => {
      if (request.status < 300) return resolve(request.response as ChatFile)
      const plain = { type: 'about:blank', title: request.statusText, status: request.status }
      fail({ ...plain, ...(request.response as Partial<Problem> | null) })
    }
    request.onerror = () => fail({ type: 'about:unreachable', title: 'unreachable', status: 0 })
    request.onabort = () => fail({ type: 'about:aborted', title: 'aborted', status: 0 })
    signal?.addEventListener('abort', () => request.abort())
    const form = new FormData()
    form.append('file', file, file.name)
    request.send(form)
  })
}
