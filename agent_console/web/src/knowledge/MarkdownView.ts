import { h, type FunctionalComponent, type VNodeChild } from 'vue'
import './markdown.css'
import { blocks, type Block, type Inline } from './markdown'

const inline = (part: Inline): VNodeChild => {
  if (part.kind === 'text') return part.text
  if (part.kind === 'code') return h('code', part.text)
  if (part.kind === 'link')
    return h('a', { href: part.to, target: '_blank', rel: 'noopener noreferrer' }, part.parts.map(inline))
  return h(part.kind, part.parts.map(inline))
}

function block(one: Block): VNodeChild {
  if (one.kind === 'heading') return h(`h${Math.min(6, one.level + 2)}`, one.parts.map(inline))
  if (one.kind === 'list')
    return h(
      one.ordered ? 'ol' : 'ul',
      one.items.map((item) => h('li', item.map(inline))),
    )
  if (one.kind === 'code') return h('pre', h('code', one.text))
  if (one.kind === 'rule') return h('hr')
  return h(one.kind === 'quote' ? 'blockquote' : 'p', one.parts.map(inline))
}

/** Markdown as elements; text of strangers never becomes HTML. */
const MarkdownView: FunctionalComponent<{ text: string }> = ({ text }) =>
  h('div', { class: 'markdown' }, blocks(text).map(block))
MarkdownView.props = ['text']
export default MarkdownView
