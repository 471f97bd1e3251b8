"""Makes tests/data/text/jinja.json: small template sources, and what jinja2, as transformers sets it up for chat
templates, makes of each with one set of variables: a text, or an error.

usage: make_jinja.py OUT_FOLDER

A case is [source, text] or [source, null, error's type]. What shows an address of Python's memory ("<generator object
...>") has no text that could be equal: it stands as an error, "garbage"; so does what is left out on purpose (LEFT_OUT
below, "left out"), which must be refused, not rendered otherwise.
"""
import copy
import itertools
import json
import random
import re
import sys
from pathlib import Path

from transformers.utils import chat_template_utils

CONTEXT = {
    "s": "Hello, World",
    "u": "Ünïcödé ß ﬁ Σας 日本語 😀",
    "q": "it's",
    "qq": "it's \"quoted\"",
    "ws": " \t\u00a0 padded\u3000 \n",
    "lines": "one\ntwo\r\nthree\rfour\u2028five\x0bsix\n\nlast",
    "ctl": "a\x01\x1b\x7f\u0085\u200b\ue000\u00ad\\\t",
    "empty": "",
    "html": "<b class=\"x\">Tom & 'Jerry'</b> <!-- no > --> &amp; &lt;&#65;&#x42; end",
    "num": "42",
    "i": 7,
    "neg": -7,
    "big": 9007199254740993,
    "f": 2.5,
    "fl": [0.1, 1e16, 1e-5, 123456789.125, 1e22, 1.5e300, 5e-324, -0.0, 100.0, 0.0001, 3.0, 1e15, 12345678901234567.0],
    "t": True,
    "n": None,
    "l": [3, 1, 2],
    "e": [],
    "mixed": [1, "a", None, 2.5, [1], {"k": "v"}],
    "words": ["banana", "Apple", "cherry", "apple", "Banana"],
    "d": {"b": 1, "a": 2, "C": 3, "items": "hidden", "1": "one"},
    "nested": {"x": {"y": [10, {"z": "deep"}]}, "list": [[1, 2], [3, 4]]},
    "users": [
        {"name": "bob", "age": 30, "tags": ["x"], "address": {"city": "Rome"}},
        {"name": "Alice", "age": 25, "tags": [], "address": {"city": "oslo"}},
        {"name": "carol", "age": 30, "active": True, "address": {"city": "Oslo"}},
    ],
    "ed": {},
}

# Rendered by jinja2, refused here by name: numbers beyond 64 bits, complex numbers, chance, str.format's rest.
LEFT_OUT = """
2**64
9223372036854775807 + 1
-9223372036854775807 - 2
big * big
1e300|int
'99999999999999999999'|int
(-8)**0.5
[1, 2]|pprint
s.encode()
'abc'.isidentifier()
1 is sameas 1
'nan'|float < 1
'%a' % 'x'
'x &eacute; y'|striptags
'\\N{BULLET}'
'{:.3}'.format(2.5)
'{:010,}'.format(1234)
'{:c}'.format(65)
'%.500f' % 1
'a-b c'|wordwrap(3)
""".strip().split("\n")

EXPRESSIONS = r"""
s
u
[s, u, q, qq]
[q, qq, ctl]
ctl|tojson
[u, ctl, lines]|tojson
[u, '😀\u2028']|tojson(ensure_ascii=true)
fl
fl|tojson
fl|map('string')|join(' ')
fl|join(', ')
d
nested
users
mixed
[true, false, none]
[]
{}
()
(1,)
(1, 'a', (2,))
{'a': (1, 2), 1: [true], none: 'x', 2.5: {}}
{1: 'a', 1.0: 'b', true: 'c'}
{'a': 1, 'a': 2}
{[1]: 2}
{(1, 2): 3}
{(1, [2]): 3}
[undefined_name]
undefined_name
undefined_name|string
undefined_name + 1
undefined_name.x
undefined_name['x']
undefined_name[0]
undefined_name()
undefined_name|length
undefined_name|list
undefined_name == other_undefined
undefined_name != 1
undefined_name < 1
undefined_name in l
'x' in undefined_name
undefined_name and 1
not undefined_name
-undefined_name
undefined_name ~ 'x'
undefined_name|upper
undefined_name|int
undefined_name|float
undefined_name|abs
undefined_name|tojson
undefined_name|first
undefined_name|last
undefined_name|join('x')
undefined_name|items|list
undefined_name|dictsort
undefined_name|trim
undefined_name|replace('a', 'b')
undefined_name|default('x')
undefined_name|d
undefined_name|truncate(5)
undefined_name|indent
undefined_name|map('upper')|list
undefined_name|sort
undefined_name|sum
undefined_name|reverse|list
undefined_name|safe
undefined_name|e
undefined_name|round
undefined_name|wordcount
undefined_name|urlencode
undefined_name|unique|list
undefined_name|min
undefined_name|batch(2)|list
undefined_name|title
undefined_name is iterable
undefined_name is sequence
undefined_name is callable
undefined_name is mapping
undefined_name is odd
'%s' % undefined_name
'x' % undefined_name
'%d' % undefined_name
s[0]
s[-1]
s[100]
s[-100]
u[1]
u[-1]
u[2:9]
u[::-1]
u[::2]
u[10:2:-3]
u[-3:]
s[:-7:-1]
s[3:100]
s[-100:4]
s[5:2]
s[::0]
s[1:4:none]
s['a':]
s[none:none]
s[true:3]
s[true]
s[1.0]
s['upper']()
s['nothing']
s.nothing
s.upper
s[none]
l[0]
l[-1]
l[3]
l['x']
l[1:]
l[::-1]
l[::2]
l[-1:-4:-2]
l[true]
l[1.0]
l[none:2]
(1, 2, 3)[1:]
(1, 2, 3)[-1]
range(10)[2]
range(10)[::3]|list
range(10)[-3:]|list
range(10)[8:1:-2]|list
range(5)[9]
d['a']
d.a
d.zz
d['zz']
d.items
d['items']
d.items()
d.keys()
d.values()
d.items()|list
d.keys()|list
d[1]
d['1']
d[[1]]
d.get('a')
d.get('zz')
d.get('zz', 5)
d.get('zz', default=5)
d.get([1])
d.get()
d.copy()
d.keys()|length
d.items()|first
d.items()|last
d.items()[0]
d.keys()[0]
d|list
d|length
d|first
d|last
d|join
'a' in d
'zz' in d
1 in d
[1] in d
'a' in d.keys()
2 in d.values()
('a', 2) in d.items()
d == {'a': 2, 'b': 1, 'C': 3, 'items': 'hidden', '1': 'one'}
d.keys() == d.keys()
d.__class__
s.__class__
s.__class__.__mro__
d.__len__
l.__add__
d['__class__']
l.append
l.append(1)
l.append is defined
l.pop()
l.extend([1])
l.insert(0, 1)
l.remove(1)
l.reverse()
l.sort()
l.clear()
d.pop('a')
d.popitem()
d.update({})
d.setdefault('a', 1)
d.clear()
l.copy()
l.count(1)
l.count()
l.index(2)
l.index(9)
l.index(3, 1)
l.index(2, -1)
l.index(2, 0, 2)
(1, 2, 1).count(1)
(1, 2, 1).index(2)
nested.x.y[1].z
nested['x']['y'][0]
nested.x.y.z
nested.list[1][0]
i.real
i.imag
f.real
i.numerator
i.denominator
t.real
f.is_integer()
(3.0).is_integer()
i.bit_length()
i.nothing
n.nothing
n['x']
n[0]
i[0]
i['real']
n()
i()
s()
d()
s.upper()
s.upper(1)
u.upper()
u.lower()
u.title()
u.capitalize()
u.swapcase()
u.casefold()
'ΑΣ ΑΣΑ Σ'.lower()
'ŉ ǰ ΐ և ẖ ﬓ ᾳ ᾼ ῼ İ ı ſ'.upper()
'ŉ ǰ ΐ և ẖ ﬓ ᾳ ᾼ ῼ İ ı ſ'.lower()
'ŉ ǰ ΐ և ẖ ﬓ ᾳ ᾼ ῼ İ ı ſ ǆ Ǆ ǅ'.title()
'ǆ Ǆ ǅ'.swapcase()
"they're bill's friends x-ray 3d".title()
"they're bill's friends x-ray 3d (a) {b} [c] <d>"|title
'hELLO wORLD'|capitalize
'éCOLE'|capitalize
'ßx'|capitalize
'ßx ǆx'|title
s.center(20)
s.center(21, '*')
'ab'.center(5, '-')
'abc'.center(6, '-')
'ab'.center(1)
'ab'.center(-5)
'ab'.center(5, 'xy')
'ab'.center(5, '')
'ab'.center('5')
'ab'.center()
u.center(40, '—')
s.ljust(15) ~ '|'
s.rjust(15, '.')
s.ljust(3)
'42'.zfill(5)
'-42'.zfill(5)
'+42'.zfill(6)
''.zfill(3)
'-'.zfill(3)
'é'.zfill(3)
'42'.zfill(-1)
s.count('l')
s.count('')
s.count('l', 4)
s.count('l', -3, -1)
s.count('o', 5, 100)
'aaaa'.count('aa')
u.count('')
s.count('l', none, 4)
s.count(1)
s.find('o')
s.find('o', 5)
s.find('zz')
s.find('')
s.find('', 12)
s.find('', 13)
s.find('o', -4)
u.find('日')
u.rfind('語')
s.rfind('o')
s.rfind('o', 0, 5)
s.rfind('')
s.index('W')
s.index('zz')
s.rindex('l')
s.rindex('zz')
s.find('World', 7, 12)
s.find('World', 7, 11)
s.startswith('Hello')
s.startswith('hello')
s.startswith('World', 7)
s.startswith(('x', 'He'))
s.startswith(())
s.startswith(['He'])
s.startswith('')
s.startswith('', 100)
s.startswith('lo', 3, 5)
s.startswith('lo', 3, 4)
s.endswith('World')
s.endswith(('x', 'ld'))
s.endswith('Hello', 0, 5)
s.endswith('Hello', -12, -7)
s.endswith(1)
s.isalnum()
'abc'.isalnum()
'a1²½日'.isalnum()
''.isalnum()
'abc'.isalpha()
'aßé日'.isalpha()
'a1'.isalpha()
u.isascii()
s.isascii()
''.isascii()
'123'.isdecimal()
'१२٣'.isdecimal()
'²'.isdecimal()
'²'.isdigit()
'½'.isdigit()
'½'.isnumeric()
'一二'.isnumeric()
'1.5'.isdigit()
''.isdigit()
'abc'.islower()
'aªⁿ1'.islower()
'aB'.islower()
'1'.islower()
'ABC'.isupper()
'ⅣⒶ'.isupper()
'Aa'.isupper()
'ǅ'.isupper()
'Ab Cd'.istitle()
'AB'.istitle()
'ǅa'.istitle()
'A1b'.istitle()
''.istitle()
' \t\u00a0\u2003'.isspace()
' x'.isspace()
''.isspace()
'\u200b'.isspace()
'abc\n'.isprintable()
'abc é'.isprintable()
''.isprintable()
ws.strip() ~ '|'
ws.lstrip() ~ '|'
ws.rstrip() ~ '|'
ws|trim ~ '|'
'xxabcxx'.strip('x')
'xyabcyx'.strip('xy')
'éaéb'.lstrip('é')
'abc'.strip('')
'abc'.strip(none)
'abc'.strip(1)
'xxabc'|trim('x')
'  x '|trim(none)
'abc'.removeprefix('ab')
'abc'.removeprefix('x')
'abc'.removesuffix('bc')
'abc'.removesuffix('')
s.replace('l', 'L')
s.replace('l', 'L', 1)
s.replace('l', 'L', 0)
s.replace('l', 'L', -1)
'abc'.replace('', '-')
'abc'.replace('', '-', 2)
''.replace('', 'x')
'é日'.replace('', '-')
s.replace('o', '')
s.replace('l', 1)
s.replace('l')
s.replace(old='l', new='x')
s|replace('l', 'L')
s|replace('l', 'L', 1)
s|replace('l', 'L', count=2)
42|replace(4, 'x')
s|replace('o', none)
'a,b,,c'.split(',')
'a,b,,c'.split(',', 1)
'a,b,,c'.rsplit(',', 1)
'a,b,,c'.split(',', maxsplit=2)
'a,b,,c'.split(sep=',')
' a  b c '.split()
' a  b c '.split(none, 1)
' a  b c '.rsplit(none, 1)
' a  b c '.rsplit()
' a  b c '.split(' ')
'abc'.split('')
''.split()
''.split(',')
'a<>b<>c'.split('<>')
'a<>b<>c'.rsplit('<>', 1)
'aXbXc'.split('X', 0)
'a b'.split(none, 0)
'aaa'.split('aa')
'aaa'.rsplit('aa')
'a,b'.split(1)
lines.splitlines()
lines.splitlines(true)
lines.splitlines(keepends=true)
''.splitlines()
'\n'.splitlines()
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'abc'.partition('-')
'abc'.rpartition('-')
'abc'.partition('')
','.join(['a', 'b'])
','.join('abc')
','.join([1])
','.join([])
','.join({'x': 1, 'y': 2})
', '.join(words|map('lower'))
'a\tb\tc'.expandtabs()
'a\tb\n\tc'.expandtabs(4)
'a\tb'.expandtabs(0)
'a\tb'.expandtabs(tabsize=2)
'é\tb'.expandtabs(4)
'%s' % 'x'
'%s and %s' % ('x', 1)
'%s' % ('x',)
'%s %s' % ('x',)
'%s' % ('x', 'y')
'%s' % [1, 2]
'%s' % {'a': 1}
'%(a)s %(b)s' % {'a': 1, 'b': 'x'}
'%(a)s' % {'b': 1}
'%(a)s' % 'x'
'%d' % 3.9
'%d' % -3.9
'%d' % '3'
'%d' % true
'%5d|%-5d|%05d|%+d|% d' % (42, 42, 42, 42, 42)
'%x %X %o %#x %#o' % (255, 255, 8, 255, 8)
'%x' % 2.5
'%x' % -255
'%.3d' % 7
'%8.3d|' % 7
'%f %.2f %10.1f|%-10.1f|%010.2f' % (1.5, 2.345, 3.14, 3.14, -3.14159)
'%e %E %g %G' % (12345.678, 0.00012, 1e10, 1e-10)
'%g' % 100000
'%g' % 1000000
'%#g' % 1.0
'%.0f' % 0.5
'%.0f' % 1.5
'%f' % 'x'
'%f' % 1
'%5s|%-5s|%.2s|%5.1s|' % ('abc', 'abc', 'abc', 'abc')
'%r' % 'x'
'%r %r' % ('it\'s', 2.0)
'%s' % none
'%s' % 1.0
'%%'  % ()
'100%' % ()
'%y' % 1
'%*d' % (5, 42)
'%-*d|' % (5, 42)
'%.*f' % (2, 3.14159)
'%s' % u
'%3s|' % '日'
'%i' % 5
'%u' % 5
'%ld' % 5
'x' % 1
'x' % [1]
'x' % {}
'x' % ()
'%s %s!'|format('Hello', 'you')
'%(a)s'|format(a=1)
'%s %(a)s'|format(1, a=1)
'%d items'|format(3)
'{} {}'.format(1, 'x')
'{0} {1} {0}'.format('a', 'b')
'{a} {b}'.format(a=1, b=[1])
'{} {a}'.format(1, a=2)
'{{}} {}'.format(1)
'{0.real}'.format(5)
'{a.b}'.format(a={'b': 1})
'{a[b]}'.format(a={'b': 1})
'{0[1]}'.format([5, 6])
'{:5}|{:<5}|{:>5}|{:^5}|'.format('ab', 'ab', 'ab', 'ab')
'{:*^9}'.format('mid')
'{:5}|{:05}|{:+}|{:,}'.format(42, 42, 42, 1234567)
'{:.2f} {:10.3f}| {:e}'.format(3.14159, 2.5, 12345.678)
'{:x} {:X} {:#x} {:b} {:o}'.format(255, 255, 255, 5, 8)
'{:.2%}'.format(0.256)
'{!r} {!s}'.format('x', 'y')
'{:.3}'.format('abcdef')
'{}'.format()
'{a}'.format()
'{'.format()
'}'.format()
'{:d}'.format('x')
'{:{}}'.format('x', 5) ~ '|'
'{0.__class__}'.format(s)
'{}'.format(none)
'{}'.format(1.0)
'{:>8}'.format(true)
'{:_}'.format(1234567)
'{:g}'.format(0.1)
'{:5}|'.format(none)
'{:<5}|'.format(2.5)
'{:s}'.format('x')
'{:n}'.format(5)
'{0} {}'.format(1, 2)
'{:08.3f}'.format(-3.14159)
'{:=+6}'.format(5)
'{:>6}{:*<6}{:^7}'.format(2.5, -1, 'é')
'{:_x} {:#b} {:#o} {:X}'.format(1234567, 5, 8, -255)
'{:,.2f}'.format(1234567.891)
'{:,}'.format(1234567.5)
'{:%}'.format(1)
'{:E} {:G}'.format(12345.678, 1e-10)
'{:05}'.format('ab')
'{:+}'.format('ab')
'{:x}'.format(2.5)
'{:.2}'.format(5)
'{:f}'.format('x')
'{!x}'.format(1)
'{!r:>6}'.format('a')
'{a.name} {a.tags[0]}'.format(a=users[0])
'{0.nothing}'.format(5)
'{0[nothing]}'.format({})
'{:{w}.{p}f}|'.format(2.5, w=8, p=3)
'{:{:{}}}'.format(1, 2, 3)
'{:}'.format(1)
'{ }'.format(1)
'{0.}'.format(1)
'{0[}'.format(1)
'{0[0]x}'.format([1])
'a}b'.format()
'}}'.format()
'{:5}'.format([1])
'{:5}'.format(nope)
'{}'.format(nope)
'{:日>4}'.format('x')
'{:>-4}'.format(1)
'{:,d} {:n}'.format(1000, 2.5)
'{:>1000000000000}'.format(1)
'{:e}'.format(true)
'%c%c' % ('é', 8364)
'%c' % 'ab'
'%3c|' % 'x'
i + 1
i / 2
8 / 2
7 // 2
-7 // 2
7 // -2
-7 % 3
7 % -3
-7.5 // 2
-7.5 % 2
7.5 % -2
-0.0 // 1
5.0 // 0.1
1 % 0
1 // 0
1 / 0
1.0 % 0
1.0 // 0
1.0 / 0
2 ** 10
2 ** -1
2 ** 0.5
0 ** 0
0 ** -1
(-2) ** 3
2.0 ** 2000
(-1) ** 1000001
true + true
true * 3
big / 3
big / 1
9223372036854775807 / 3
1 / 9007199254740993
-big / 7
big == 9007199254740992.0
big > 9007199254740992.0
1 == 1.0
true == 1
1 == '1'
'a' < 'b'
'a' < 'B'
'é' > 'z'
1 < 'a'
none < 1
[1] < [2]
[1, 2] < [1]
[1, 'a'] < [2, 1]
[1, 'a'] < [1, 1]
(1,) < (2,)
(1,) < [2]
{} < {}
(1, 2) == [1, 2]
[1, 2] == [1, 2]
[1.0] == [1]
none == none
1 < 2 < 3
3 > 2 > 2
1 in [1, 2]
'a' in 'abc'
'' in ''
1 in 'abc'
none in [none]
1 in 1
1 in none
'b' not in 'abc'
1 in range(3)
1.0 in [1]
-i
+f
-t
-s
'a' * 3
3 * 'a'
'a' * -1
'a' * 2.0
[1] * 2
(1, 2) * 2
'a' * 'b'
'a' + 1
1 + 'a'
[1] + (2,)
[1] + [2]
(1,) + (2,)
{} + {}
none + 1
'a' - 'b'
'a' ~ 1 ~ none ~ 2.5 ~ [1]
1 if t else 2
1 if n
-5|abs
-2.5|abs
'x'|abs
true|abs
none|abs
3.7|int
-3.7|int
'3.7'|int
'42'|int
' 42 '|int
'4_2'|int
'4__2'|int
'_42'|int
'x'|int
'x'|int(5)
'x'|int(default=-1)
'ff'|int(0, 16)
'0xff'|int(0, 16)
'0xff'|int(0, 0)
'0b11'|int(0, 2)
'0o17'|int(base=8)
'010'|int
'010'|int(7, 0)
'z'|int(0, 36)
'12'|int(0, 1)
none|int
none|int(3)
[]|int
true|int
'inf'|int
'nan'|int
'1e3'|int
'+5'|int
'- 5'|int
'١٢'|int
''|int
'3.7'|float
'1e3'|float
' 1.5 '|float
'1_000.5'|float
'x'|float
'x'|float(1)
'inf'|float
'-Infinity'|float
'nan'|float
'0x10'|float
'.5'|float
'5.'|float
'.'|float
5|float
none|float
none|float(2.5)
true|float
['inf'|float, 'nan'|float]|tojson
42.55|round
42.55|round(1)
42.55|round(1, 'floor')
42.55|round(1, 'ceil')
42.55|round(method='ceil')
-42.55|round(method='floor')
2.5|round
3.5|round
-2.5|round
0.125|round(2)
2.675|round(2)
1234.5|round(-2)
1250|round(-2)
1350|round(-2)
-1250|round(-2)
42|round
42|round(2)
5|round(-1)
15|round(-1)
5.0|round(-1)
15.0|round(-1)
4.0|round(-2)
50.0|round(-2)
51.0|round(-2)
1e300|round(2)
42.5|round(none)
42|round(1, 'ceil')
42|round(-1, 'ceil')
'x'|round
true|round
2.5|round(1, 'x')
2.5|round('1')
[1, 2.5, true]|sum
[]|sum
l|sum(start=10)
['a']|sum
['a']|sum(start='b')
[[1], [2]]|sum(start=[])
users|sum(attribute='age')
users|sum('age', 5)
l|first
e|first
s|first
u|last
l|last
e|last
empty|first
5|first
5|last
none|last
range(3)|last
(l|map('string'))|last
(l|map('string'))|first
l|length
s|length
u|length
5|length
none|length
l|count
range(7)|length
(l|select)|length
l|list
s|list
u|list
d.items()|list
5|list
range(5)
range(2, 5)
range(0, 10, 3)
range(5)|list
range(2, 5)|list
range(10, 0, -3)|list
range(0)|list
range(1, 2, 0)
range(100001)
range(100000)|length
range(-5)|list
range('a')
range(2.0)
range()
range(1, 2, 3, 4)
range(5) == range(5)
range(3) == [0, 1, 2]
range(3)|tojson
range(5).stop
range(3) is sequence
range(3) + [1]
l|join
l|join(', ')
l|join(d='-')
mixed|join('|')
e|join(',')
s|join('.')
users|join(', ', attribute='name')
users|join('/', 'address.city')
l|join(1)
l|join(none)
5|join
users|map(attribute='name')|list
users|map(attribute='address.city')|list
users|map(attribute='missing')|list
users|map(attribute='missing', default='?')|list
users|map(attribute='tags.0', default='none')|list
users|map(attribute='tags.0')|list
users|map(attribute='name', other=1)|list
nested.list|map(attribute=0)|list
nested.list|map(attribute='1')|list
words|map('upper')|list
words|map('replace', 'a', 'o')|list
words|map('nofilter')|list
words|map|list
words|map(1)|list
e|map|list
words|map('length')|sum
[1, 2]|map('string')|join('-')
words|map('truncate', 3, end='')|list
l|map('int', default=3)|list
words|map('upper')
words|select
5|map('upper')|list
0|map('upper')|list
[0, 1, '', 'a', none]|select|list
[0, 1, '', 'a', none]|reject|list
l|select('odd')|list
l|reject('odd')|list
l|select('divisibleby', 3)|list
l|select('gt', 1)|list
l|select('>', 1)|list
l|select('in', [1, 2])|list
l|select('equalto', 2)|list
l|select('nosuchtest')|list
words|select('lower')|list
mixed|select('string')|list
mixed|select('defined')|list
users|selectattr('active')|map(attribute='name')|list
users|rejectattr('active')|map(attribute='name')|list
users|selectattr('age', 'equalto', 30)|map(attribute='name')|join
users|selectattr('age', '==', 25)|list|length
users|selectattr('address.city', 'lower')|map(attribute='name')|list
users|selectattr('active', 'defined')|list|length
users|rejectattr('active', 'undefined')|list|length
users|selectattr('name', 'in', ['bob', 'carol'])|map(attribute='name')|list
users|selectattr()|list
users|selectattr('age', 'gt', '5')|list
l|sort
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
words|sort(true)
mixed|sort
[none, none]|sort
[1, 'a']|sort
['a', 1]|sort
[2.5, 1, true]|sort
[[2], [1, 5], [1]]|sort
users|sort(attribute='name')|map(attribute='name')|list
users|sort(attribute='age,name')|map(attribute='name')|list
users|sort(attribute='age', reverse=true)|map(attribute='name')|list
users|sort(attribute='missing')
d|sort
'cab'|sort
d|dictsort
d|dictsort(true)
d|dictsort(reverse=true)
d|dictsort(by='value')
{'a': 3, 'b': 1}|dictsort(false, 'value')
{'a': 'B', 'b': 'a'}|dictsort(by='value')
{'a': 3, 'b': 1}|dictsort(by='x')
{1: 2, 'a': 3}|dictsort
l|dictsort
l|min
l|max
e|min
words|min
words|max
words|min(case_sensitive=true)
users|max(attribute='age')
(users|min(attribute='age')).name
[1, 'a']|max
[none]|max
'hello'|max
words|unique|list
words|unique(case_sensitive=true)|list
users|unique(attribute='age')|map(attribute='name')|list
[1, 1.0, true, '1']|unique|list
[[1], [1]]|unique|list
users|groupby('age')|length
users|groupby('age')
users|groupby('missing', default='x')|length
users|groupby('address.city')|map(attribute='grouper')|list
users|groupby('address.city', case_sensitive=true)|map(attribute='grouper')|list
users|groupby('age')|map('last')|map('length')|list
users|groupby('missing')
users|groupby('address.city', default='')|map(attribute='list')|map('length')|list
l|batch(2)|list
l|batch(2, 'x')|list
range(7)|batch(3)|map('sum')|list
l|batch(0)|list
l|batch(-1)|list
e|batch(2, 'x')|list
l|batch|list
l|batch('2')|list
l|slice(2)|list
l|slice(2, 'x')|list
range(7)|slice(3)|list
range(7)|slice(3, 'f')|list
l|slice(5)|list
l|slice(0)|list
l|slice(-2)|list
s|reverse
u|reverse
l|reverse|list
l|reverse
d|reverse|list
range(3)|reverse|list
l|select|reverse
5|reverse
(1, 2)|reverse|list
s|upper
5|upper
none|lower
s|lower
u|upper
s|center(20) ~ '|'
s|center
'x'|center(width=5) ~ '|'
5|center(5) ~ '|'
s|string
5|string
none|string
l|string
html|e
html|escape
html|safe
html|safe|e
html|e|e
html|forceescape
html|e|forceescape
html|striptags
'a < b'|striptags
'<a <b> c'|striptags
'x &eacute; y'|striptags
'a & b &'|striptags
5|e
none|e
[q]|e
(html|safe)|string
'<'|e ~ '<'
'<'|e + '<'
'<' + '<'|safe
('<'|safe) + 5
('<'|safe) * 2
2 * ('<'|safe)
('<%s>'|safe) % '&'
('<%s %d>'|safe) % ('&', 3)
('<%s>'|safe) % ('&'|safe)
('<%r>'|safe) % '&'
('<%(a)s>'|safe) % {'a': '&'}
[('<'|safe)]
('a<'|safe).upper() + '<'
('a<'|safe).replace('a', '<')
('a<b'|safe).split('<')
('a,b'|safe).join(['<', 'x'])
('a<'|safe)[0] + '<'
('a<'|safe)|upper + '<'
('a<'|safe)|first + '<'
('a<'|safe)|list
('a'|safe).center(5, '<')
('a'|safe).center(5, '*') + '<'
('ab'|safe)|title
('ab'|safe)|replace('a', '<') + '<'
('<'|safe) == '<'
('<'|safe) in ['<']
('<'|safe) is escaped
'<' is escaped
'<'|e is escaped
('a'|safe)|tojson
{'<'|safe: 1}
('x {} {}'|safe).format('<', '<'|safe)
[('<'|e), '<']|join('&')
('a b c d e f'|safe)|truncate(5, end='<')
('a\nb'|safe)|indent(2) + '<'
'a'|safe ~ '<'
s|tojson
html|tojson
mixed|tojson
d|tojson
nested|tojson(indent=2)
nested|tojson(indent=0)
nested|tojson(indent=-1)
nested|tojson(indent='--')
nested|tojson(indent=true)
[[], {}, [[]]]|tojson(indent=2)
d|tojson(sort_keys=true)
d|tojson(separators=(',', ':'))
d|tojson(separators=[' , ', ' : '])
d|tojson(separators=',:')
d|tojson(separators=(',',))
nested|tojson(indent=1, separators=(',', ': '))
d|tojson(true)
d|tojson(false, 2)
d|tojson(nothing=1)
{1: 2, 2.5: 3, true: 4, none: 5}|tojson
{(1, 2): 3}|tojson
{1: 2, 'a': 3}|tojson(sort_keys=true)
(1, 2)|tojson
undefined_name|tojson
[undefined_name]|tojson
d.items()|tojson
l|map('string')|tojson
range|tojson
u|tojson(ensure_ascii=true)
i|tojson
big|tojson
f|tojson
t|tojson
n|tojson
'a\nb'|indent
'a\n\nb'|indent
'a\n\nb'|indent(2, blank=true)
'a\nb'|indent(2, true)
'a\nb'|indent(first=true)
'a\nb\n'|indent(2)
'a\r\nb'|indent(2)
''|indent(first=true) ~ '|'
'a\nb'|indent('--')
'a\nb'|indent(width='> ', first=true)
'a\nb'|indent(-3)
'a\nb'|indent(none)
5|indent
s|truncate(5)
s|truncate(5, true)
s|truncate(8)
s|truncate(8, leeway=0)
s|truncate(9, false, '...', 0)
s|truncate(5, end='')
s|truncate(5, true, '!', 0)
s|truncate(2)
s|truncate(7, leeway=5)
s|truncate(7, leeway=4)
u|truncate(8, true, '…', 0)
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9, True)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11, False, '...', 0)
'foobarbazqux'|truncate(5)
s|truncate(-1)
5|truncate
s|wordcount
u|wordcount
'a-b c_d  1.5'|wordcount
''|wordcount
5|wordcount
'a/b c?d=é&~'|urlencode
{'a b': 'c/d', 'x': 1}|urlencode
[('a', 'b c'), ('d', none)]|urlencode
5|urlencode
none|urlencode
['ab', 'cd']|urlencode
['abc']|urlencode
{'class': 'a', 'id': none, 'x': '<&"'}|xmlattr
{'class': 'a'}|xmlattr(false)
{'a b': 1}|xmlattr
{}|xmlattr
l|xmlattr
1|filesizeformat
0|filesizeformat
999|filesizeformat
1000|filesizeformat
1500|filesizeformat
1024|filesizeformat(true)
123456789|filesizeformat
1e27|filesizeformat
1e30|filesizeformat
'1000'|filesizeformat
'x'|filesizeformat
-5|filesizeformat
'the quick brown fox'|wordwrap(9)
'the quick brown fox'|wordwrap(9, wrapstring='|')
'abcdefghij kl'|wordwrap(4, wrapstring='|')
'abcdefghij kl'|wordwrap(4, false, '|')
'a  b   c'|wordwrap(3, wrapstring='|')
'  lead and trail  '|wordwrap(6, wrapstring='|')
'one two\n\nthree four'|wordwrap(4, wrapstring='|')
'a-b c'|wordwrap(3, true, '|', false)
'a\tb c'|wordwrap(2, wrapstring='|')
''|wordwrap
'x'|wordwrap(0)
'日本語 テキスト'|wordwrap(4, wrapstring='|')
'ab cdefghi'|wordwrap(5, wrapstring='|')
'ab cdefghi jkl'|wordwrap(5, true, '|')
5|wordwrap
n|default('x')
n|default('x', true)
''|default('x', boolean=true)
d.zz|default('x')
d.zz|d('x')|upper
0|default(1, true)
s|attr('upper')
d|attr('a')
d|attr('items')()|list|length
s|attr('nothing')
s|attr(5)
s|attr('__class__')
d|items|list
d|items
l|items
l|items|list
n|items|list
7 is odd
-7 is odd
8 is even
2.0 is even
2.5 is odd
'a' is odd
7 is divisibleby 7
7 is divisibleby(2)
7 is divisibleby(0)
none is none
0 is none
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
5 is sequence
d.items() is sequence
d.keys() is iterable
(l|map('int')) is iterable
(l|map('int')) is sequence
5 is iterable
s is iterable
none is iterable
true is boolean
1 is boolean
true is true
1 is true
false is false
0 is false
true is integer
1 is integer
1.0 is integer
1.0 is float
1 is float
true is number
1.5 is number
'1' is number
none is number
s is string
(s|safe) is string
5 is string
s is callable
range is callable
s.upper is callable
'abc' is lower
'ABC' is upper
'aBc' is lower
5 is lower
none is upper
'upper' is filter
'nope' is filter
5 is filter
'odd' is test
'nope' is test
[] is test
true is sameas true
none is sameas none
1 is sameas true
l is sameas l
l is sameas [3, 1, 2]
1 is sameas 1.0
1 is eq 1
1 is equalto 1.0
1 is ne 2
1 is lt 2
1 is lessthan 1
1 is le 1
2 is gt 1
2 is greaterthan 3
2 is ge 2
'a' is lt 1
1 is in [1]
1 is in 5
'a' is in 'abc'
x is defined
s is defined
s is not defined
d.zz is undefined
not (s is defined)
dict(a=1, b=2)
dict({'x': 1}, a=2)
dict([('a', 1), ['b', 2]])
dict(['ab', 'cd'])
dict([1])
dict(['abc'])
dict(1)
dict({}, {})
dict(d.items())
dict()
dict(l|batch(2)|map('list'))
namespace(a=1).a
namespace(a=1).b
namespace(a=1)
namespace({'a': 1}).a
namespace(_a=1)
namespace(a=1)['a']
namespace(a=1).items
namespace(items=1).items
namespace()|tojson
namespace() is mapping
namespace() == namespace()
cycler('a', 'b').next()
cycler()
cycler('a', 'b').current
joiner()()
joiner('x').sep
lipsum is defined
raise_exception('stop')
raise_exception()
range(3)|map('string')|join|int + 1
s.upper().lower().title()
[1, 2, 3][1:][0]
(1, 2)[0]
'a,b'.split(',')[1]
'abc'[1]|upper
{'a': {'b': 1}}.a.b
[{'a': 1}]|map(attribute='a')|first
'%c' % 65
'%c' % 'x'
'%a' % 'x'
s[1:3] * 2
words[1:3]|join
s.format
s.format_map
u.isidentifier
'a' 'b'
1_000
0x1F
0b101
0o17
1e3
1.5e-3
1E+2
'\x41\u00e9\U0001F600\n\\'
"a\"b'c"
'a\'b'
'\101'
'\N{BULLET}'
'a\qb'
true|string
True
None
none
false
[1, 2,]
(1, 2,)
{'a': 1,}
1 if false
'x' if s else 'y'
not not s
s and n
n or s
0 or empty or 'x'
n and 1
1 == 1 == 1
l == [3, 1, 2] and d.a == 2
2 ** 3 ** 2
-2 ** 2
2 + 3 * 4 ** 2 // 5 - 1
7 - 2 - 1
1 ~ 2 + 3
'a' ~ 'b' * 2
not 1 == 2
l[0] + l[1] * l[2]
s|upper|lower|title
s|length > 5
-l|length
-5|abs + 1
(1, 2) in [(1, 2)]
1, 2
""".strip("\n").split("\n")

TEMPLATES = [
    "{% set x = l|map('string') %}{{ x|join }}/{{ x|join }}",
    "{% set x = l|reverse %}{{ x|first }}{{ x|first }}{{ x|list }}{{ x|list }}",
    "{% set x = d.items() %}{{ x|length }}{{ x|list|length }}{{ x|list|length }}",
    "{% set x = l|select('odd') %}{{ 3 in x }}{{ x|list }}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}",
    "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}",
    "{% for c in u %}[{{ c }}]{% endfor %}",
    "{% for x in 5 %}{% endfor %}",
    "{% for x in none %}{% endfor %}",
    "{% for x in nope %}a{% else %}empty{% endfor %}",
    "{% for x in range(3) %}{{ x }}{% endfor %}",
    "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, b in ['xy', 'zw'] %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, b in [[1]] %}{% endfor %}",
    "{% for g in users|groupby('age') %}{{ g.grouper }}:{{ g.list|map(attribute='name')|join(',') }};{% endfor %}",
    "{% for age, members in users|groupby('age') %}{{ age }}:{{ members|length }};{% endfor %}",
    "{% for row in range(5)|batch(2, 'x') %}{{ row|join(',') }};{% endfor %}",
    "{% set c = cycler('a', 'b', 'c') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}",
    "{% set j = joiner('; ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{% set j = joiner() %}{{ j() }}{{ j() }}{{ j.used }}",
    "{% set ns = namespace(x=1) %}{% set ns.x = ns.x + 1 %}{{ ns.x }}{{ ns }}",
    "{% set ns = namespace(x=1) %}{% set ns.y = [ns.x] %}{{ ns.y }}",
    "{% set ns = namespace() %}{% set ns._y = 1 %}",
    "{% set ns = namespace() %}{% for x in l %}{% set ns.m = x %}{% endfor %}{{ ns.m }}",
    "{% set x %}<b>{{ s }}{% endset %}{{ x }}{{ x is string }}{{ x|length }}",
    "{% set x = html|safe %}{{ x ~ '<' }}{{ x|length }}",
    "{% if 'a' in d and d.a is number %}y{% endif %}",
    "{% if d.get('zz') is none %}none{% endif %}",
    "{{ s.split(', ')|last|upper|list|join('-') }}",
    "{{ lines.splitlines()|map('trim')|select|join('|') }}",
    "{{ users|selectattr('age', 'gt', 26)|sort(attribute='name')|map(attribute='name')|join(', ') }}",
    "{{ strftime_now('100%%') }}",
    "{{ strftime_now('') }}",
    "{{ strftime_now(5) }}",
    "{{ strftime_now('[%Z%z]') }}",
    "{{ s.strip().split(',')[0].lower() }}",
    "{{ '%s' % (s,) }}{{ '%05.1f' % f }}",
    "{{ (users|first).name }}{{ (users|last).name }}{{ users[0]['name'] }}{{ users[-1].address.city }}",
    "{% set parts = 'a</think>b'.split('</think>') %}{{ parts[-1].lstrip('\\n') }}{{ parts[0].rstrip('\\n').split('<think>')[-1] }}",
    "{{ messages is defined and messages|length }}",
    "{{ d|tojson(indent=4) }}",
    "{{ users|tojson }}",
    "{{ [1, [2, [3]]]|string|length }}",
    "{{ {'a': [1, 2]}['a'][-1] }}",
    "{{ range(3)|map('string')|list + ['x'] }}",
]

OPERANDS = ["0", "7", "-3", "2.5", "-0.5", "true", "none", "'ab'", "''", "[1, 'a']", "(2,)", "{'k': 1}", "nope",
            "('<'|safe)", "range(2)", "9007199254740993", "l|map('string')", "1e308"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "~", "and", "or"]

FILTERS = """abs capitalize center count default dictsort e filesizeformat first float forceescape indent int items join
last length list lower max min reverse round safe slice(2) sort string striptags sum title tojson trim truncate unique
upper urlencode wordcount wordwrap xmlattr batch(2) groupby(0) map('string') select reject attr('real')
selectattr('age') rejectattr('age') replace('a','b') format""".split()
METHODS = """capitalize casefold expandtabs isalnum isalpha isascii isdecimal isdigit islower isnumeric isprintable isspace
istitle isupper lower lstrip rstrip split splitlines strip swapcase title upper""".split()
TESTS = """odd even defined none boolean true integer float number string sequence mapping iterable callable escaped
lower upper filter test eq(7) lt(5) in(l) sameas(none) divisibleby(2)""".split()
VALUES = ["nope", "n", "t", "i", "neg", "f", "s", "''", "u", "(html|safe)", "l", "e", "(2, 1)", "mixed", "words", "d", "ed",
          "users", "range(3)", "d.items()", "d.keys()", "d.values()", "(l|map('string'))", "namespace(a=1)", "s.upper", "fl"]
TEXTS = ["u", "ctl", "ws", "lines", "q", "'ǅabc ŒUVRE ŉ Σ'", "'١²Ⅷ½'", "'\u0345ͅa\u1fb3'", "'i̇İI'", "'a.Σ.b AΣ'"]


def combinations():
    for value in VALUES:
        # Of what shows an address nothing can be equal but what looks at no text.
        shown = FILTERS if "map(" not in value and "s.upper" not in value else ["list", "first", "length", "default", "tojson"]
        for name in shown:
            if "html" in value and name == "wordwrap":
                continue  # it has hyphens
            listed = re.match(r"unique|batch|slice|map|select|reject|items|reverse", name)
            yield "{{ " + value + "|" + name + ("|list" if listed else "") + " }}"
        for name in TESTS:
            if name in ("lower", "upper") and shown is not FILTERS:
                continue
            yield "{{ " + value + " is " + name + " }}"
        for name in ("list", "string", "first", "length", "tojson", "join('-')"):
            yield "{{ " + value + "|batch(2)|" + name + " }}"
    for text in TEXTS:
        for name in METHODS:
            yield "{{ " + text + "." + name + "()|tojson }}"


def sources():
    yield from combinations()
    yield from ("{{ " + e + " }}" for e in EXPRESSIONS)
    yield from TEMPLATES
    chance = random.Random(1)
    for operator in OPERATORS:
        operands = [o for o in OPERANDS if operator != "**" or "9007" not in o]  # Python would never end
        pairs = list(itertools.product(operands, operands))
        for a, b in chance.sample(pairs, 40):
            yield "{{ " + a + " " + operator + " " + b + " }}"
    yield from ("{{ " + e + " }}" for e in LEFT_OUT)


def case(source):
    left_out = source[3:-3] in LEFT_OUT
    try:
        template = chat_template_utils._compile_jinja_template(source)
        text = template.render(**copy.deepcopy(CONTEXT))  # the filter indent changes a list
    except Exception as error:
        return [source, None, type(error).__name__]
    garbage = re.search(r" at 0x|<built-in|<function|<class|<bound|iterator", text)
    beyond = re.search(r"(?<![\d.])\d{20,}(?![\d.e])|\dj\)", text) and "." not in text and " ~ " not in source
    return [source, None, "left out"] if left_out or beyond else [source, None, "garbage"] if garbage else [source, text]


def main():
    out = Path(sys.argv[1])
    cases = [case(source) for source in dict.fromkeys(sources())]
    lines = ",\n".join(json.dumps(one, ensure_ascii=True) for one in cases)
    text = '{"context": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(CONTEXT, ensure_ascii=True), lines)
    (out / "jinja.json").write_text(text)
    print(len(cases), "cases,", sum(len(c) > 2 for c in cases), "errors,", len(text), "bytes")


if __name__ == "__main__":
    main()
