import { defineComponent, h } from 'vue'
import { pieces } from './links'

/** Plain text of people, with its links: opened apart, telling nobody where they came from, and saying where they go. */
export default defineComponent({
  props: { text: { type: String, required: true } },
  setup: (props) => () =>
    pieces(props.text).map((one) =>
      'to' in one
        ? [
            h(
              'a',
              { href: one.to, target: '_blank', rel: 'noopener noreferrer nofollow ugc', title: one.host },
              one.text,
            ),
            one.disguised ? h('span', { class: 'link-host' }, ` → ${one.host}`) : null,
          ]
        : one.text,
    ),
})
