/** All that the app knows of SIP and WebRTC calls. JsSIP is behind this file only, so that it can be exchanged. */
import { C, UA } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import { type CallEvent, type CallState, type LineEvent, nextCall } from './machine'
import type { Sample } from './quality'
import { sampleOf } from './quality'
import { Wire } from './wire'

export interface Account {
  sip_uri: string
  username: string
  password: string
  ws_path: string
}

export interface Listener {
  line(event: LineEvent): void
  /** A call began, changed or ended. */
  call(call: Call): void
}

/** Close codes of our relay. */
const ELSEWHERE = 4009
const TAKEN = 4010
/** How long after the first candidate the others may come. */
const GATHER_MS = 250
/** A transfer that the PBX says nothing of. */
const TRANSFER_MS = 15_000

/** One call of this telephone. `number` is the other side's, as the PBX tells it. */
export class Call {
  state: CallState
  muted = false
  /** Why it ended, in JsSIP's words. */
  cause = ''
  readonly audio = new Audio()
  remote: MediaStream | null = null
  #track: MediaStreamTrack | null = null
  #dead = 0

  constructor(
    private session: RTCSession,
    readonly incoming: boolean,
    readonly autoAnswer: boolean,
    private domain: string,
    private changed: (call: Call) => void,
  ) {
    this.state = incoming ? 'ringing' : 'dialling'
    this.audio.autoplay = true
    session.on('confirmed', () => this.#turn('confirmed'))
    session.on('hold', ({ originator }) => originator === 'local' && this.#turn('held'))
    session.on('unhold', ({ originator }) => originator === 'local' && this.#turn('resumed'))
    session.on('ended', ({ cause }) => this.#over(cause))
    session.on('failed', ({ cause }) => this.#over(cause))
    // Without STUN all candidates are there at once; an interface that hangs shall not delay the call.
    session.on('icecandidate', ({ ready }) => void setTimeout(ready, GATHER_MS))
    if (session.connection) this.#hook(session.connection)
    else session.on('peerconnection', ({ peerconnection }) => this.#hook(peerconnection))
  }

  get id(): string {
    return this.session.id
  }

  get number(): string {
    return this.session.remote_identity?.uri.user ?? ''
  }

  get name(): string {
    return this.session.remote_identity?.display_name ?? ''
  }

  get established(): boolean {
    return this.session.isEstablished()
  }

  /** Lift, speaking with this track (a clone of its own: hold and mute switch it off). */
  answer(track: MediaStreamTrack): void {
    this.#track = track
    this.session.answer(mediaOf(track))
    this.#turn('answered')
  }

  speaksWith(track: MediaStreamTrack): void {
    this.#track = track
  }

  hangUp(): void {
    if (!this.session.isEnded()) this.session.terminate()
  }

  /** Rejects when the other side did not take it. */
  hold(): Promise<void> {
    return this.#renegotiated((done) => this.session.hold({}, done))
  }

  unhold(): Promise<void> {
    return this.#renegotiated((done) => this.session.unhold({}, done))
  }

  mute(on: boolean): void {
    if (on) this.session.mute({ audio: true })
    else this.session.unmute({ audio: true })
    this.muted = on
    this.changed(this)
  }

  /** RFC 4733; JsSIP's own choice would be INFO. */
  dtmf(tones: string): void {
    this.session.sendDTMF(tones, { transportType: C.DTMF_TRANSPORT.RFC2833, duration: 160, interToneGap: 90 })
  }

  /** Blind transfer (REFER). Rejects with the PBX's word when it refuses; the call stays. */
  transfer(to: string): Promise<void> {
    return this.#refer(`sip:${encodeURIComponent(to)}@${this.domain}`)
  }

  /** Attended transfer (REFER with Replaces): who is here talks to who is in `other`. */
  transferTo(other: Call): Promise<void> {
    return this.#refer(other.session.remote_identity.uri.toString(), other.session)
  }

  /** After a cut WebSocket: makes the PBX send what comes next to the new one, or tells us that the call is over. */
  refresh(): void {
    if (this.session.isEstablished()) this.session.renegotiate({ useUpdate: true })
  }

  async sample(): Promise<Sample> {
    // A call that rings has no connection yet.
    return sampleOf((await this.session.connection?.getStats()) ?? new Map())
  }

  async speakWith(track: MediaStreamTrack): Promise<void> {
    const sender = this.session.connection?.getSenders().find((one) => one.track?.kind === 'audio')
    track.enabled = !this.muted && this.state !== 'held'
    await sender?.replaceTrack(track)
    this.#track?.stop()
    this.#track = track
  }

  async hearAt(speaker: string): Promise<void> {
    if ('setSinkId' in this.audio) await this.audio.setSinkId(speaker)
  }

  #turn(event: CallEvent): void {
    this.state = nextCall(this.state, event)
    this.changed(this)
  }

  #over(cause: string): void {
    clearTimeout(this.#dead)
    this.cause = cause
    this.#track?.stop()
    this.audio.srcObject = null
    this.#turn('over')
  }

  #hook(connection: RTCPeerConnection): void {
    connection.addEventListener('track', ({ streams, track }) => {
      this.remote = streams[0] ?? new MediaStream([track])
      this.audio.srcObject = this.remote
      this.changed(this)
    })
    // JsSIP does not end a call whose audio died (20 s after its last packet).
    connection.addEventListener('connectionstatechange', () => connection.connectionState === 'failed' && this.hangUp())
  }

  #renegotiated(start: (done: () => void) => boolean): Promise<void> {
    return new Promise((done, failed) => {
      if (!start(done)) failed(new Error('not now'))
      else setTimeout(() => failed(new Error('no answer')), 5_000)
    })
  }

  #refer(target: string, replaces?: RTCSession): Promise<void> {
    return new Promise((done, failed) => {
      const accepted = () => {
        // In an attended transfer the PBX ends the second leg only.
        if (!this.session.isEnded()) this.session.terminate()
        done()
      }
      const refused = () => failed(new Error('refused'))
      this.session.refer(target, { replaces, eventHandlers: { accepted, failed: refused, requestFailed: refused } })
      this.session.on('ended', () => done())
      setTimeout(refused, TRANSFER_MS)
    })
  }
}

const mediaOf = (track: MediaStreamTrack) => ({ mediaStream: new MediaStream([track]), pcConfig: { iceServers: [] } })

/** The telephone: registers, comes back after a cut, brings calls. */
export class Phone {
  readonly calls = new Set<Call>()
  #ua: UA
  #domain: string
  #wasCut = false
  #force: boolean

  constructor(
    account: Account,
    tab: string,
    force: boolean,
    private listener: Listener,
  ) {
    this.#force = force
    this.#domain = account.sip_uri.split('@')[1] ?? 'callweave.invalid'
    this.#ua = new UA({
      sockets: [new Wire(() => this.#address(account.ws_path, tab))],
      uri: account.sip_uri,
      authorization_user: account.username,
      password: account.password,
      register_expires: 60,
      session_timers: false,
      no_answer_timeout: 600,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 5,
      user_agent: 'Callweave',
    })
    this.#listen()
  }

  start(): void {
    this.#ua.start()
  }

  /** Hang up everything, unregister, close. Also right in `pagehide`: all is sent at once. */
  stop(): void {
    this.#ua.terminateSessions()
    this.#ua.stop()
  }

  call(number: string, track: MediaStreamTrack): Call {
    const session = this.#ua.call(`sip:${encodeURIComponent(number)}@${this.#domain}`, mediaOf(track))
    const call = this.#adopt(session, false, false)
    call.speaksWith(track)
    return call
  }

  /** Only the first connection may take the telephone from another place; after a cut nobody is driven away. */
  #address(path: string, tab: string): string {
    const query = new URLSearchParams({ tab, ...(this.#force ? { take: '1' } : {}) })
    return `${location.origin.replace(/^http/, 'ws')}${path}?${query}`
  }

  #listen(): void {
    this.#ua.on('registered', () => {
      this.#force = false
      this.listener.line('registered')
      if (this.#wasCut) for (const call of this.calls) call.refresh()
      this.#wasCut = false
    })
    this.#ua.on('registrationFailed', () => this.#ua.isConnected() && this.listener.line('refused'))
    this.#ua.on('disconnected', ({ code }) => {
      if (code === ELSEWHERE || code === TAKEN) return this.#yield()
      this.#wasCut = true
      this.listener.line('cut')
    })
    this.#ua.on(
      'newRTCSession',
      (event: {
        originator: string
        session: RTCSession
        request: { getHeader(name: string): string | undefined }
      }) => {
        if (event.originator !== 'remote') return
        this.#adopt(event.session, true, /answer-after=0/.test(event.request.getHeader('Alert-Info') ?? ''))
      },
    )
  }

  #yield(): void {
    for (const call of this.calls) call.hangUp()
    this.#ua.stop()
    this.listener.line('taken')
  }

  #adopt(session: RTCSession, incoming: boolean, autoAnswer: boolean): Call {
    const call = new Call(session, incoming, autoAnswer, this.#domain, (changed) => {
      if (changed.state === 'ended') this.calls.delete(changed)
      this.listener.call(changed)
    })
    this.calls.add(call)
    this.listener.call(call)
    return call
  }
}
