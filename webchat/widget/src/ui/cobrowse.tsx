/** Showing one's page: asked first, said all the time, ended at once. */
import { useModel } from './model'

/** An agent asks to see the page. */
export function Question({ open }: { open?(): void }) {
  const { cobrowsing, session, say } = useModel()
  if (session.conversation?.cobrowse !== 'asked' || cobrowsing.showing) return null
  const name = session.conversation.agent ?? say('agent')
  return (
    <section class="invitation" role="alertdialog" aria-labelledby="cobrowse-asked" data-test="cobrowse-asked">
      <p id="cobrowse-asked">{say('cobrowse_asked', { name })}</p>
      <div class="row">
        <button
          type="button"
          class="main"
          data-test="cobrowse-yes"
          onClick={() => {
            void cobrowsing.show()
          }}
        >
          {say('cobrowse_yes')}
        </button>
        <button type="button" onClick={() => void cobrowsing.stop()} data-test="cobrowse-no">
          {say('cobrowse_no')}
        </button>
        {open && (
          <button type="button" onClick={open}>
            {say('open')}
          </button>
        )}
      </div>
    </section>
  )
}

/** Visible on the page as long as it is shown. */
export function Banner() {
  const { cobrowsing, session, say } = useModel()
  if (!cobrowsing.showing) return null
  return (
    <section class="banner" aria-label={say('cobrowse_banner')} data-test="cobrowse-banner">
      <p role="status">{say('cobrowse_on', { name: session.conversation?.agent ?? say('agent') })}</p>
      <button type="button" onClick={() => void cobrowsing.stop()} data-test="cobrowse-stop">
        {say('cobrowse_stop')}
      </button>
    </section>
  )
}
