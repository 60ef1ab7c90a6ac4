// Made from webchat/wire.py by `python -m webchat.wire_types`; do not edit.
// Times are Unix seconds.

export const MAX_TEXT = 4000;
export const MAX_LINES = 200;

/** A file in a conversation, at `/chat/api/files/{id}`. `size` in bytes. */
export interface FileView {
  id: string;
  name: string;
  type: string;
  size: number;
}

/** One line. `number` counts from 1 in its conversation, without gaps; `id` is the UUID of who wrote it. `kind` `text`: `text` is what was said; `file`: `file` is there; `event`: `text` is a code of the catalogue (`joined`, `transferred`, `idle_warning` …) about `name`. */
export interface Line {
  number: number;
  id: string;
  by: "visitor" | "agent" | "system";
  name: string | null;
  at: number;
  kind: "text" | "file" | "event";
  text: string;
  file?: FileView;
}

/** A call that the visitor asked for. `phone` as he may see it. */
export interface CallbackView {
  from: number | null;
  to: number | null;
  phone: string;
  state: "waiting" | "calling" | "done" | "failed" | "expired" | "cancelled";
}

/** How the conversation is. `position` from 1 and `estimate` (seconds, honest: `null` where unknown) while it waits; `last`: the highest number of a line; `seen`: the highest that the other side has seen. */
export interface Conversation {
  id: string;
  state: "waiting" | "offered" | "talking" | "ended";
  queue: string;
  agent: string | null;
  position: number | null;
  estimate: number | null;
  last: number;
  seen: number;
  ended_by: "visitor" | "agent" | "idle" | "closed" | "message" | "callback" | "mail" | null;
  rating: number | null;
  callback: CallbackView | null;
  cobrowse: "off" | "asked" | "on";
}

/** The first message on every connection. `conversation`: the visitor's, if he has one that is not long over; `lines`: those after the number that he gave (at most `MAX_LINES`; more by `fetch`). */
export interface Welcome {
  visitor: string;
  server_time: number;
  conversation: Conversation | null;
  lines: Line[];
}

/** A line was written, by whomever; also one's own, to every tab of the visitor. */
export interface LineMessage {
  conversation: string;
  line: Line;
}

/** The other side writes; good until `until`. */
export interface Typing {
  conversation: string;
  name: string | null;
  until: number;
}

/** Why not. `code` is one of the widget's texts; `field` names the input; `wait`: seconds until it may. */
export interface Failure {
  code: string;
  message: string;
  field?: string;
  wait?: number;
}

/** The answer to a command. `number` and `at`: of the line that was written (also the second time). */
export interface Ack {
  ok: boolean;
  error?: Failure;
  number?: number;
  at?: number;
  conversation?: Conversation;
  lines?: Line[];
}

/** What a visitor asks. */
export interface VisitorCommand {
}

/** What begins a contact. `queue`: empty for the site's first one; `form`: the pre-chat form's answers by field code; `consent`: version agreed to. */
export interface Beginning extends VisitorCommand {
  id: string;
  queue?: string;
  form?: Record<string, string>;
  consent?: string | null;
  language?: string;
}

/** Begin a conversation. `queue`: the site's first one where it is empty; `form`: the pre-chat form's answers by field code; `consent`: version agreed to. */
export interface Open extends Beginning {
  page?: string | null;
}

/** A line of text, or (`file`) a file that was uploaded before. */
export interface Say extends VisitorCommand {
  id: string;
  text?: string;
  file?: string | null;
}

/** The visitor writes (or stopped). */
export interface IsTyping extends VisitorCommand {
  on?: boolean;
}

/** The visitor has seen lines up to this number. */
export interface Seen extends VisitorCommand {
  number: number;
}

/** Lines after a number, or (`before`) those before one. */
export interface Fetch extends VisitorCommand {
  after?: number;
  before?: number | null;
  limit?: number;
}

/** The visitor ends the conversation. */
export interface Leave extends VisitorCommand {
}

/** Nobody is there: a message that somebody answers later. `reply_to`: a mail address as typed, no evidence. `queue` (empty: the site's first one), `form` and `consent` as in `open`; who waits already gave them. */
export interface LeaveMessage extends Beginning {
  text: string;
  reply_to?: string | null;
}

/** Call this number, between `since` and `until` (Unix seconds; `None`: as soon as it is one's turn). `queue` (empty: the site's first one), `form` and `consent` as in `open`; who waits already gave them. */
export interface RequestCallback extends Beginning {
  phone: string;
  since?: number | null;
  until?: number | null;
}

/** No call is wanted any more. */
export interface CancelCallback extends VisitorCommand {
}

/** How it was: 1 to 5. */
export interface Rate extends VisitorCommand {
  score: number;
  comment?: string | null;
}

/** The visitor looks at another page of the site (sent only with his consent). */
export interface Page extends VisitorCommand {
  url: string;
  title?: string;
}

/** Send the conversation to this address when it is over; `go_on`: when he leaves, let it go on by mail. */
export interface MailTranscript extends VisitorCommand {
  address: string;
  go_on?: boolean;
}

/** Show one's page (`on`) or no more; only after an agent asked or the visitor offers it himself. */
export interface Cobrowse extends VisitorCommand {
  on: boolean;
}

/** A piece of the mirrored page: made by the widget with inputs masked, never kept by the server. */
export interface CobrowseFrame extends VisitorCommand {
  n: number;
  data: string;
}

/** A field of the pre-chat form. `label` by language. */
export interface FormField {
  code: string;
  label: Record<string, string>;
  kind: "text" | "email" | "phone" | "choice" | "long";
  required: boolean;
  choices?: string[];
}

/** What the visitor agrees to, by language; `version` is kept with the conversation. */
export interface ConsentText {
  version: string;
  text: Record<string, string>;
}

/** When a call may be wished for, Unix seconds: somebody calls then. */
export interface CallTime {
  from: number;
  to: number;
}

/** Ask a visitor who is on a page (its path matches the glob `path`) for so many seconds. */
export interface Invitation {
  path: string;
  after: number;
  text: Record<string, string>;
}

/** `GET /chat/api/site?site=KEY&queue=NAME`: what the widget shows before anybody says anything. `open`: business hours; `staffed`: somebody is signed in for this queue; `message` and `callback`: whether these are offered when not; `call_times`: what may be wished for a call (`null`: any time); `mail`: whether transcripts are sent; `trail`: whether pages may be told (still asks the visitor). */
export interface SiteView {
  site: string;
  queue: string;
  open: boolean;
  opens_at: number | null;
  staffed: boolean;
  estimate: number | null;
  form: FormField[];
  consent: ConsentText | null;
  message: boolean;
  callback: boolean;
  call_times: CallTime[] | null;
  mail: boolean;
  files: boolean;
  file_bytes: number;
  trail: boolean;
  invitations: Invitation[];
  theme: Record<string, string>;
  proof_bits: number;
}

/** `POST /chat/api/visitor {site, user_token?, proof?}`: who the visitor is from now on. Kept by the widget. `name`: what the site's own signed token says of its user. */
export interface TokenView {
  token: string;
  visitor: string;
  name: string | null;
  expires_at: number;
}

/** Server to visitor: event name to message. */
export interface VISITOR_EVENTS {
  welcome: Welcome;
  conversation: Conversation;
  line: LineMessage;
  typing: Typing;
}

/** Visitor to server: event name to command. */
export interface VISITOR_COMMANDS {
  open: Open;
  say: Say;
  typing: IsTyping;
  seen: Seen;
  fetch: Fetch;
  leave: Leave;
  leave_message: LeaveMessage;
  request_callback: RequestCallback;
  cancel_callback: CancelCallback;
  rate: Rate;
  page: Page;
  mail_transcript: MailTranscript;
  cobrowse: Cobrowse;
  cobrowse_frame: CobrowseFrame;
}

/** For `Socket<ServerToClientEvents, …>`. */
export interface ServerToClientEvents {
  welcome: (message: Welcome) => void;
  conversation: (message: Conversation) => void;
  line: (message: LineMessage) => void;
  typing: (message: Typing) => void;
}

/** For `Socket<…, ClientToServerEvents>`. */
export interface ClientToServerEvents {
  open: (command: Open, ack: (answer: Ack) => void) => void;
  say: (command: Say, ack: (answer: Ack) => void) => void;
  typing: (command: IsTyping, ack: (answer: Ack) => void) => void;
  seen: (command: Seen, ack: (answer: Ack) => void) => void;
  fetch: (command: Fetch, ack: (answer: Ack) => void) => void;
  leave: (command: Leave, ack: (answer: Ack) => void) => void;
  leave_message: (command: LeaveMessage, ack: (answer: Ack) => void) => void;
  request_callback: (command: RequestCallback, ack: (answer: Ack) => void) => void;
  cancel_callback: (command: CancelCallback, ack: (answer: Ack) => void) => void;
  rate: (command: Rate, ack: (answer: Ack) => void) => void;
  page: (command: Page, ack: (answer: Ack) => void) => void;
  mail_transcript: (command: MailTranscript, ack: (answer: Ack) => void) => void;
  cobrowse: (command: Cobrowse, ack: (answer: Ack) => void) => void;
  cobrowse_frame: (command: CobrowseFrame, ack: (answer: Ack) => void) => void;
}

export const VISITOR_EVENT_NAMES = [
  "welcome",
  "conversation",
  "line",
  "typing",
] as const satisfies readonly (keyof VISITOR_EVENTS)[];
