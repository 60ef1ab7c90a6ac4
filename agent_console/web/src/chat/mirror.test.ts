import { describe, expect, it } from 'vitest'
import { attributeFor, elementFor, Joined, withoutAddresses } from './mirror'

describe('frames', () => {
  it('become a message when all pieces are there', () => {
    const joined = new Joined()
    expect(joined.take(1, '1/2:{"t":"css",')).toEqual({ message: null, broken: false })
    expect(joined.take(2, '2/2:"css":["a:b"]}')).toEqual({ message: { t: 'css', css: ['a:b'] }, broken: false })
  })

  it('that are missing spoil what they belong to, not the next message', () => {
    const joined = new Joined()
    joined.take(1, '1/3:{"t":')
    expect(joined.take(3, '3/3:"}')).toEqual({ message: null, broken: true })
    expect(joined.take(4, '1/1:{"t":"end"}')).toEqual({ message: { t: 'end' }, broken: false })
    expect(joined.take(6, '1/1:{"t":"end"}').broken).toBe(true)
  })

  it.each(['', 'x', '0/1:{}', '2/1:{}', '1/99999:{}', '1/1:[', '1/1:null', '1/1:{"t":5}'])('%s is nothing', (data) =>
    expect(new Joined().take(1, data).message).toBeNull(),
  )
})

describe('what a visitor’s browser sends', () => {
  it.each([
    ['script', 'div'],
    ['SCRIPT', 'div'],
    ['iframe', 'span'],
    ['link', 'div'],
    ['meta', 'div'],
    ['object', 'div'],
    ['x-y', 'div'],
    ['p', 'p'],
  ])('%s becomes %s', (name, made) => expect(elementFor(name, false)).toBe(made))

  it('draws only shapes', () => {
    expect(elementFor('path', true)).toBe('path')
    expect(elementFor('foreignObject', true)).toBe('g')
    expect(elementFor('use', true)).toBe('g')
    expect(elementFor('script', true)).toBe('g')
  })

  it.each(['onclick', 'href', 'src', 'srcset', 'action', 'formaction', 'xlink:href', 'data-x', 'srcdoc', 'name'])(
    'never has %s',
    (name) => expect(attributeFor('a', name, 'javascript:alert(1)')).toBeNull(),
  )

  it('keeps what only looks', () => {
    expect(attributeFor('div', 'class', 'a b')).toBe('a b')
    expect(attributeFor('input', 'type', 'password')).toBe('text')
    expect(attributeFor('input', 'type', 'file')).toBe('text')
    expect(attributeFor('div', 'style', 'background: url(https://evil.example/x) red')).toBe('background: none red')
    expect(attributeFor('path', 'fill', 'url(#a)')).toBeNull()
  })

  it.each([
    ['@import "https://evil.example/x.css"; a{color:red}', ' a{color:red}'],
    ['a{background:URL( "https://evil.example" )}', 'a{background:none}'],
    ['a{background:\\75 rl(https://evil.example)}', 'a{background:none}'],
    ['a{background:u\\000072l(https://evil.example)}', 'a{background:none}'],
    ['@font-face{src:url(x)}b{}', 'b{}'],
    ['a{background:image-set("x" 1x)}', 'a{background:none}'],
    ['.md\\:flex{display:flex}', '.md\\:flex{display:flex}'],
  ])('has no address: %s', (css, clean) => expect(withoutAddresses(css)).toBe(clean))
})
