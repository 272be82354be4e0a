"""Blocks and their attributes: what a browser would show, tag soup and hostile pages included."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree, Node, NodeType

from pipeline.extract.decode import decode
from pipeline.extract.hints import BITS, mask
from pipeline.extract.segment import FLAG, KINDS, TAGS, segment


def texts(html: str) -> list[str]:
    return segment(html).texts


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # blocks and lines
        ("<p>One  two\n three<p>Four", ["One two three", "Four"]),
        ("<div>a<p>b</p>c</div>d", ["a", "b", "c", "d"]),
        ("<p>a<br>b<br/>c</p>", ["a\nb\nc"]),
        ("a<br><br>b<br> <br>c", ["a", "b", "c"]),
        ("<h1>Title<h2>Sub</h2>text", ["Title", "Sub", "text"]),
        ("a<hr>b", ["a", "b"]),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>", ["a", "b", "c", "d"]),
        ("<dl><dt>a<dd>b<dt>c</dl>", ["a", "b", "c"]),
        ("<table><tr><td>a<td>b<tr><th>c</table>", ["a", "b", "c"]),
        ("<table><td>a<table><td>b</table>c</table>", ["a", "b", "c"]),
        ("x</p>y</div>z", ["x", "y", "z"]),
        # inline elements neither break words nor add spaces
        ("<p>un<b>believ</b>able", ["unbelievable"]),
        ("<p>a <b> b </b> c", ["a b c"]),
        ("<p><a href=x>one</a><a href=y>two</a> <i>three</i>.", ["onetwo three."]),
        ("<p>H<sub>2</sub>O<wbr>x<span></span>y", ["H₂Oxy"]),
        ("<p>a <x-icon></x-icon>b<my-term>c</my-term>", ["a bc"]),
        ("<div>a<my-card>b</my-card>c</div>", ["a", "b", "c"]),
        ("<p>Say <q>yes</q>.", ["Say “yes”."]),
        ("<b><p>a</b>b</p>c", ["ab", "c"]),
        # white space and characters nobody sees
        ("<p>a&nbsp;b\u2003c\u202fd", ["a b c d"]),
        ("<p>soft\u00adhyphen zero\u200bwidth \ufeffmark\u200e", ["softhyphen zerowidth mark"]),
        ("<p>ภาษา\u200bไทย می\u200cخواهم", ["ภาษา\u200bไทย می\u200cخواهم"]),
        ("<p>\u3000山田\u3000太郎\u3000", ["山田\u3000太郎"]),
        ("<p>a\0b\x01c\x7f", ["abc"]),
        ("<p>icon \ue001 font", ["icon font"]),
        # Windows' signs that were taken for Latin-1's controls: as numeric references
        ("<p>It\x92s \x93so\x94 \x96 \x80 5\x85", ["It’s “so” – € 5"]),
        # character references
        ("&lt;b&gt; &amp;amp; &copy 5 &copy5; &notit; &unknown; &", None),
        ("<p>&#8212;&#x2014;&#151;&#0;&#xD800;&#1114112;&#;", ["———\ufffd\ufffd\ufffd&#;"]),
        ("<p>&NotEqualTilde;&fjlig;", ["≂̸fj"]),
        # raw text, comments and declarations
        ("a<script>if (a < b) '<p>'</script>b<style>x</style>c", ["abc"]),
        ("a<!-- <p> -- > -->b<!-->c<!--->d<!doctype x>e<?php 1 ?>f</ x>g", ["abcdefg"]),
        ("a<![if IE]>b<![endif]>c<![CDATA[d]]>e", ["abce"]),
        ("<?xml version='1.0'?><p>a<![CDATA[<b>&amp;]]></p>", ["a<b>&amp;"]),
        ("<?xml version='1.0'?><p>a<script src='x'/>b</p><div/>c", ["ab", "c"]),
        ("<p>1 < 2 <3 a<", ["1 < 2 <3 a<"]),
        ("<p>a<select><option>x</select>b<svg><title>t</title></svg>c<video>d</video>", ["abc"]),
        ("<p>a<textarea><p>x</textarea>b<template><p>c</template>d<iframe><p></iframe>e", ["abde"]),
        ("<template shadowrootmode=open><p>a</p></template>b", ["a", "b"]),
        ("<svg><g>x<p>shown", ["shown"]),
        ("<select><option>x<p>y</select>shown", ["shown"]),
        ("<select><option>x<input>shown", ["shown"]),
        ("<div><select><option>x</div>y</select>shown", ["shown"]),
        ("<xmp><b>a</xmp>b", ["<b>a", "b"]),
        ("a<plaintext><b>c", ["a", "<b>c"]),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字<rt>じ</rt></ruby>", ["漢字"]),
        # attributes
        ("<p class='a>b' id=c>d<img alt='x'>e<i b='", ["de"]),
        ('<p title="it\'s">a<p =x>b<p a = b>c<p/>d', ["a", "b", "c", "d"]),
        # code
        ("<pre>\n  a\n\n\tb &lt; c  \n</pre>", ["  a\n\n\tb < c"]),
        ("<pre>\r\na\r\nb</pre>", ["a\nb"]),
        ("<pre><code><div>a</div><div>b</div></code></pre>c", ["a\nb", "c"]),
        ("<pre>a<br>b</pre>", ["a\nb"]),
        ("<pre><span class=lineno>1</span>a<button>Copy</button></pre>", ["a"]),
        ("<table><td class=gutter><pre>1\n2</pre><td><pre>a\n b</pre></table>", ["a\n b"]),
        ("<div style='white-space: pre'>a\n  b</div>", ["a\n  b"]),
        ("<p>a <span style='white-space: pre-wrap'>b\n c</span>", ["a b\n c"]),
        # formulas come as TeX, once
        (
            "<p>so <span class=katex><span class=katex-mathml><math><mi>x</mi><annotation "
            'encoding="application/x-tex">x^2</annotation></math></span><span class="katex-html">'
            "x2</span></span>.",
            ["so $x^2$."],
        ),
        ("<p><math alttext='a&lt;b' display=block><mi>a</mi></math> c", ["$$a<b$$ c"]),
        ("<p><math><mi>x</mi><mo>+</mo><mn>1</mn></math>", ["$x+1$"]),
        ("<p>a <script type='math/tex'> y </script>", ["a $y$"]),
        ("<p>Hi <img class=emoji alt='🙂'> <img class=photo alt='not this'>", ["Hi 🙂"]),
        # hidden inline text
        ("<p>a<span style='display: none'>b</span><span class='sr-only'>c</span>d", ["ad"]),
        # a heading's link to itself
        ("<h2>Usage<a class=headerlink href=#u>¶</a></h2>", ["Usage"]),
    ],
)
def test_texts(html, expected):
    assert texts(html) == (expected or ["<b> &amp; © 5 ©5; ¬it; &unknown; &"])


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # a script that writes scripts in a comment (and what looks like it)
        ("a<script><!-- w('<script></script>'); x //--></script>b", ["ab"]),
        ("a<script><!-- <SCRIPT/ </script> --></script>b", ["ab"]),
        ("a<script><!-- <script </script> </script>b", ["ab"]),
        ("a<script><!-- <script>--></script>b", ["ab"]),
        ("a<script><!-- <scripty></script>b", ["ab"]),
        ("a<script><!--> '<script>' </script>b", ["ab"]),
        ("a<script>'<script>'</script>b", ["ab"]),
        ("a<script><!-- x </script>b", ["ab"]),
        ("a<script><!-- <script> </script>b", ["a"]),
        ("a<script>x</scripty></script/ y>b", ["ab"]),
        ("a<script>x</script", ["a"]),
        # other raw text, and the page's end in it
        ("<xmp>a</xmp", ["a</xmp"]),
        ("<xmp>a</xm></xmpx></XMP y='>'>b", ["a</xm></xmpx>", "b"]),
        ("<plaintext>a\0b", ["a\ufffdb"]),
        ("a</", ["a</"]),
        # SVG and MathML have rules of their own
        ("<p>a<svg/>b", ["ab"]),
        ("<p>a<svg><g/><path></svg>b", ["ab"]),
        ("<p>a<svg><style/>x</svg>b", ["ab"]),
        ("<p>a<svg><script/>x</svg>b", ["ab"]),
        ("<p>a<svg><title>x</svg>b", ["ab"]),
        ("<p>a<svg><title><b>x</b></title></svg>b", ["ab"]),
        ("<p>a<svg><![CDATA[</svg><p>]]></svg>b", ["ab"]),
        ("<p>a<svg><desc><p>x</p></desc><g>y</svg>b", ["ab"]),
        ("<div><svg><foreignObject><div>x</div></div>y</foreignObject></svg>b</div>", ["b"]),
        ("<div>a<svg><path></div>b", ["a", "b"]),
        ("<div>a<svg><g></p>b", ["a", "b"]),
        ("<p>a<svg><font>x</svg>b", ["ab"]),
        ("<p>a<svg><font color=red>b", ["ab"]),
        ("<p>a<svg><section>x</section></svg>b", ["ab"]),
        ("<p>a<math><mi>b</mi><mspace/><mtext><i>c</i></mtext></math>d", [r"a$b \text{c}$d"]),
        ("<p>a<math><![CDATA[<b>]]></math>c", ["a$<b>$c"]),
        # MathML that an HTML tag ends is a formula up to there
        ("<p>a<math><mi>b</mi><b>c</b></math>d", ["a$b$cd"]),
        ("<p>a<math><mi>b</mi></p>c</math>d", ["a$b$", "cd"]),
        ("<p>a<math/>b</math>c", ["abc"]),
        # copies, formulas and signs that are moved out of a table
        ("a<table><sup>2</sup>b<q>c</q><tr><td>d", ["a²b“c”", "d"]),
        ("a<table>b <math><mi>x</mi></math> c<img alt='$y$'><tr><td>d", ["ab $x$ c$y$", "d"]),
        (
            "a<table><tr><td>b</td><div class=line-numbers><p>1<p>2</div>c</table>e",
            ["a", "c", "b", "e"],
        ),
        (
            "a<table>b<tr><td>c<div class=line-numbers>1<p>2<table>3</table></div></table>e",
            ["ab", "c", "e"],
        ),
        ("<p>a<math><annotation-xml><svg><b>x</b></math>c", ["axc"]),
        (
            "a<math><annotation-xml encoding='Text/HTML'><p>b</annotation-xml></math>c",
            ["a", "bc"],
        ),
        # readings end where the next part of the ruby begins
        ("<ruby>a<rt>x<rb>b<rt>y<rp>z<rb>c</ruby>d", ["abcd"]),
        ("<ruby>a<rtc>b<rt>x<rtc>c</ruby>d", ["abcd"]),
        ("<ruby><p>a<rt>x<rb>b</ruby>c", ["a", "bc"]),
        ("<ruby>a<rt>x<rp>(</rp>b</ruby>c", ["abc"]),
        # choices
        ("<select>x<select>a", ["a"]),
        ("<select>" + "<option>x" * 600 + "</select>a", ["a"]),
        # text between rows stands before the table, in the line that it interrupts
        ("a<table>b<tr><td>c</td></tr>d</table>e", ["abd", "c", "e"]),
        ("a<table> b<tr><td>c</td></tr> d</table>e", ["a b d", "c", "e"]),
        ("a <table>b<tr><td>c</table>", ["a b", "c"]),
        ("<table><tr><td>a</td></tr><tr>b<td>c</table>", ["b", "a", "c"]),
        ("a<table><tr><td>b</td></tr><div>c</div>d<p>e</table>f", ["a", "c", "d", "e", "b", "f"]),
        ("a<table><tr><td>b<tr><br>c</table>", ["a", "c", "b"]),
        ("a<table><tr><td>b<tr><hr>c</table>", ["a", "c", "b"]),
        ("<table><tr><td>a<table><tr><td>b</td>c</table>d</td>e</table>", ["e", "ac", "b", "d"]),
        (
            "<table><tr><td>a<tr><div>b<table><tr><td>c</td>d</table>e</div>f",
            ["b", "a", "d", "c", "e", "f"],
        ),
        ("<table><tr><td>a</td><b>b<i>c</i></b>d</table>e", ["bcd", "a", "e"]),
        ("<table><table>a<tr><td>b</table>c", ["a", "b", "c"]),
        ("<table><div>a<tr><td>b</b>c</table>d", ["a", "bc", "d"]),
        ("a<table><b>x<div>y</div>z<tr><td>c", ["ax", "y", "z", "c"]),
        ("a<table>b <tr></tr>c", ["ab c"]),
        ("<table><b>a<br></b>c<tr><td>d", ["a", "c", "d"]),
        ("a<table></p>b<tr><td>c", ["a", "b", "c"]),
        ("a<table><form>b<tr><td>c</table>", ["ab", "c"]),
        (
            "<table><div>z<template shadowrootmode=open><table><tr><td>a</table></template></div>"
            "<tr><td>b</table>",
            ["z", "a", "b"],
        ),
        # frames in place of text; templates and choices keep to themselves
        ("<head></head><frameset><frame>x</frameset>y", []),
        ("a<frameset>b", ["ab"]),
        ("<input type=hidden><frameset>b", []),
        ("<input><frameset>b", ["b"]),
        ("<template><table></template>a", ["a"]),
        ("<table><tr><td>a<template><tr><td>x</template>b</table>", ["ab"]),
    ],
)
def test_tree_construction(html, expected):
    assert texts(html) == expected


def test_moved_text_keeps_rows_and_containers_in_order():
    page = "<div>a<table><tr><td>b</td></tr>c<p>d</p></table>e</div>"
    found = segment(page)
    assert found.texts == ["ac", "d", "b", "e"]
    assert found.table["characters"].tolist() == [2, 1, 1, 1]
    assert [TAGS[tag] for tag in found.table["tag"]] == ["div", "p", "td", "div"]
    assert found.table["table"].tolist() == [-1, -1, 0, -1]
    parents = [TAGS[found.containers["tag"][row]] for row in found.containers["parent"][1:]]
    tags = [TAGS[tag] for tag in found.containers["tag"][1:]]
    assert ("p", "div") in zip(tags, parents)
    for number, container in enumerate(found.containers):
        inside = slice(container["first_block"], container["first_block"] + container["blocks"])
        below = {number} | {
            row for row in range(len(found.containers)) if _is_below(found.containers, row, number)
        }
        assert set(found.table["container"][inside].tolist()) <= below
        assert container["characters"] == found.table["characters"][inside].sum()
    links = segment("<a href=x>one</a><table><tr><td>x</td></tr><a href=y>two</a></table>")
    assert links.texts == ["onetwo", "x"]
    assert (links.table["links"][0], links.table["link_characters"][0]) == (2, 6)
    assert links.table["flags"][0] & np.uint64(FLAG["link"])


def _is_below(containers: np.ndarray, row: int, other: int) -> bool:
    while row > other:
        row = containers["parent"][row]
    return row == other


def test_names_in_the_head_are_read_as_attributes():
    found = segment(
        "<title>a &amp b &notx \0</title><meta name=description content='?x=1&copy=2&copyx &copy;'>"
    )
    assert found.title == "a & b ¬x \ufffd"
    assert found.description == "?x=1&copy=2&copyx ©"


KATEX = (
    "<span class=katex><span class=katex-mathml><math><semantics><mi>{0}</mi><annotation "
    "encoding='application/x-tex'>{0}_1</annotation></semantics></math></span><span "
    "class=katex-html aria-hidden=true>{0}1</span></span>"
)
WIKIPEDIA = (
    "<{0} class=mwe-math-element><{0} class=mwe-math-mathml-a11y style='display: none;'>"
    "<math alttext='{{x}}'><mi>x</mi></math></{0}><img class=mwe-math-fallback-image-inline "
    "aria-hidden=true alt='{{x}}'></{0}>"
)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # formulas: one copy, whichever there is
        (f"<p>a {WIKIPEDIA.format('span')} b", ["a ${x}$ b"]),
        (f"<p>a</p>{WIKIPEDIA.format('div')}<p>b", ["a", "${x}$", "b"]),
        ("<p><img class=mwe-math-fallback-image-inline alt='y'> b", ["$y$ b"]),
        ("<p><img alt='$z^2$'> <img alt='\\(w\\)'> <img alt='$5'>", ["$z^2$ $w$"]),
        # images that a server draws from TeX in their address
        (
            "<p><img src='//latex.codecogs.com/svg.latex?%5Cfrac%7Ba%7D%7Bb%7D'> a",
            [r"$\frac{a}{b}$ a"],
        ),
        (
            "<p><img src='//latex.codecogs.com/gif.latex?\\inline&space;\\dpi{9}x+&space;y'>",
            ["$x+ y$"],
        ),
        ("<p><img alt=x src='/equation?tex=x%5E2%2B1+y&size=2' eeimg=1>", ["$x^2+1 y$"]),
        ("<p><img src='//s0.wp.com/latex.php?bg=ffffff&amp;latex=a%3Cb&amp;fg=0'>", ["$a<b$"]),
        ("<p><img data-src='/render/math?math=e%5E%7Bi%7D' src=data:, alt=math>", ["$e^{i}$"]),
        ("<p><img src='/chart?cht=tx&chl=x_1'> <img src='/chart?cht=p&chl=x_1'>", ["$x_1$"]),
        ("<p><img src='/cgi-bin/mathtex.cgi?x_2'>", ["$x_2$"]),
        ("<p>a <img src='/a.png?vertex=1&amp;w=2'><img src='/a?math=2'> b", ["a b"]),
        ("<p>a <img src='/equation?tex='> <img src='/equation?tex=%'> b", ["a $%$ b"]),
        ("<p>" + KATEX.format("x") + KATEX.format("y"), ["$x_1$$y_1$"]),
        ("<p>a <span class=katex><span class=katex-html>x</span></span>", ["a x"]),
        (
            "<p>a <span class=MathJax_Preview>x2</span><script type='math/tex'>x^2</script> b",
            ["a $x^2$ b"],
        ),
        ("<p>a <span class=MathJax_Preview>x2</span> b", ["a x2 b"]),
        (
            "<p>a <span class=MathJax><nobr>x2</nobr><span class=MJX_Assistive_MathML><math><mi>x"
            "</mi></math></span></span><script type='math/tex'>x^2</script> b",
            ["a $x^2$ b"],
        ),
        (
            "<p>a<div class=MathJax_Display>x2</div><script type='math/tex; mode=display'>x^2"
            "</script><p>b",
            ["a", "$$x^2$$", "b"],
        ),
        (
            "<div>a <mjx-container class=MathJax><mjx-math><mjx-c>x</mjx-c></mjx-math>"
            "<mjx-assistive-mml><math><mi>x</mi></math></mjx-assistive-mml></mjx-container> b",
            ["a $x$ b"],
        ),
        ("<script type='math/tex'>% <![CDATA[\nx<y %]]></script>", ["$x<y$"]),
        # a hidden formula among hidden words is hidden
        ("<p>a <span style='display:none'>if <math><mi>x</mi></math></span>b", ["a b"]),
        # numbers of lines, and code that only has some
        ("<pre><code class=line-numbers>a = 1\n2\n</code></pre>", ["a = 1\n2"]),
        ("<pre><b class=linenos> 9 </b>a\n<b class=linenos>10 </b>b</pre>", ["a\nb"]),
        ("<pre><i style='user-select:none'>1\n</i>$ a</pre>", ["$ a"]),
        ("<pre><i style='user-select:none'>$ </i>a</pre>", ["$ a"]),
        ("<div class=gutter><b>7</b></div>", ["7"]),
        ("<div class=line-numbers><a>7</a><br><a>8</a></div><pre>a\nb</pre>", ["a\nb"]),
        ("<table><tr><td class=lntd><pre>1\n2</pre><td class=lntd><pre>a\nb</pre>", ["a\nb"]),
        # buttons, and code that only has one
        ("<pre class=clipboard><button>Copy</button>npm i</pre>", ["npm i"]),
        ("<pre>npm install it<a class=copy-btn>Copy</a></pre>", ["npm install it"]),
        ("<pre><code class=copy-button>npm i</code></pre>", ["npm i"]),
        ("<pre><button>npm i</button></pre>", ["npm i"]),
        # "/>" in foreign content, noscript in a line
        ("<p>a <svg/>b <svg><title/><style/></svg>c <math/>d", ["a b c d"]),
        ("<p>a <noscript><img src=x></noscript>b <noscript>2</noscript> c", ["a b 2 c"]),
        ("<div>a<noscript>b</noscript>c</div>", ["a", "b", "c"]),
        # styles: whole properties, the last one counts
        ("<p>a <b style='-webkit-backface-visibility:hidden'>b</b>", ["a b"]),
        ("<p>a <b style='display:none; display:inline'>b</b>", ["a b"]),
        ("<p>a <b hidden style='display:inline'>b</b><b hidden>c</b>", ["a b"]),
        ("<p><span style='display:block'>a</span><span style='display:block'>b</span>", ["a", "b"]),
        ("<span style='display:none'><p>a<p>b</span>", ["a", "b"]),  # flagged as hidden
        # what screen readers are told is all of a cell that shows a sign by style
        (
            "<table><tr><td>A<td><i class=yes></i><span class=sr-only>Yes</span>"
            "<td><b class=visually-hidden>No</b><i class=no></i><tr><td>B"
            "<td><i class=sr-only>Yes</i></table>",
            ["A", "Yes", "No", "B", "Yes"],
        ),
        (
            "<table><tr><td>A<td>5 <i class=sr-only>stars</i><td><label class=sr-only>Of</label>"
            "<input><td><i class=sr-only>Amount</i><input><td><i class=sr-only>See</i> B</table>",
            ["A", "5", "B"],
        ),
        # a text to be copied is text, a field is none
        ("<p>a<textarea readonly>\nx &lt; y\n  <b></textarea>b", ["a", "x < y\n  <b>", "b"]),
        ("<p>a<textarea>x</textarea>b<template><textarea readonly>c</textarea></template>", ["ab"]),
        # signs that only screen readers are told
        ("<p><b>1<b class=sr-only>+</b>1&frasl;2</b> a<b class=sr-only>+</b>", ["1+1⁄2 a"]),
    ],
)
def test_a_copy_is_dropped_only_for_the_other(html, expected):
    assert texts(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("3×10<sup>8</sup> 2<sup>30</sup> 10<sup>-8</sup> 100<sup>2</sup>=10000", None),
        ("H<sub>2</sub>O, SO<sub>4</sub><sup>2−</sup>, <sup>14</sup>C", "H₂O, SO₄²⁻, ¹⁴C"),
        ("½, 1<sup>1</sup>/<sub>2</sub>, log<sub>2</sub>8", "½, 1¹/₂, log₂8"),
        (
            "x<sup>n</sup>, e<sup>ix</sup>, a<sub>max</sub>, x<sub>i</sub>",
            "x^n, e^{ix}, a_{max}, x_i",
        ),
        ("x<sup>y<sup>2</sup></sup>, 10<sup>1,5</sup>, (a)<sup>T</sup>", "x^{y²}, 10^{1,5}, (a)^T"),
        ("1<sup>st</sup> 22<sup>nd</sup> XIX<sup>e</sup> M<sup>me</sup>", "1st 22nd XIXe Mme"),
        ("20<sup>o</sup>C, 1<sup>a</sup>, Acme<sup>TM</sup>", "20ºC, 1ª, AcmeTM"),
        (
            "word<sup>1</sup> it.<sup>2,3</sup> so<sup>[4]</sup> a<sup>*</sup>",
            "word¹ it.²,³ so[4] a*",
        ),
        ("a<sup> more than a mark, in small print</sup>", "a more than a mark, in small print"),
        ("m<span style='vertical-align: super'>2</span>", "m²"),
        ("10<span class=sup>8</span> x<i class=superscript>n</i>", "10⁸ x^n"),
        ("H<b class=subscript>2</b>O, sub<i class=sub>title</i>", "H₂O, subtitle"),
        ("x<sup>2</p><p>y", "x²"),  # never closed
    ],
)
def test_position_that_carries_meaning(html, expected):
    assert texts(f"<p>{html}</p>")[0] == (expected or "3×10⁸ 2³⁰ 10⁻⁸ 100²=10000")


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        ("<mfrac><mi>a</mi><mn>2</mn></mfrac>", r"\frac{a}{2}"),
        ("<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>", r"{n \atop k}"),
        ("<msup><mi>x</mi><mn>10</mn></msup><mo>&minus;</mo><mn>1</mn>", "x^{10}-1"),
        ("<msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup>", "a_i^2"),
        ("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>", "{a+b}^2"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>", "(a)^2"),
        ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x+1}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        (
            "<munderover><mo>&sum;</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi>"
            "</munderover><msub><mi>&alpha;</mi><mi>i</mi></msub>",
            r"\sum_{i=1}^n\alpha_i",
        ),
        ("<munder><mi>lim</mi><mi>x</mi></munder><mi>f</mi>", r"\lim_xf"),
        (
            "<mover><mi>x</mi><mo>^</mo></mover><mover><mi>v</mi><mo>→</mo></mover>",
            r"\hat{x}\vec{v}",
        ),
        ("<mover><mi>X</mi><mo>!</mo></mover>", r"\overset{!}{X}"),
        (
            "<mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd>"
            "<mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr></mtable><mo>)</mo>",
            r"(\begin{matrix}1 & 2 \\ 3 & 4\end{matrix})",
        ),
        ("<mfenced open='[' close=']'><mi>a</mi><mi>b</mi></mfenced>", "[a,b]"),
        ("<mi>a</mi><mtext>if so &amp;</mtext>", r"a\text{if so \&}"),
        (
            "<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi><mi mathvariant='bold'>R</mi>",
            r"\sin x\mathbf{R}",
        ),
        (
            "<mmultiscripts><mi>X</mi><mi>a</mi><mi>b</mi><mprescripts/><mn>1</mn><none/>"
            "</mmultiscripts>",
            "{}_1X_a^b",
        ),
        ("<mo>{</mo><mi>x</mi><mo>|</mo><mphantom><mi>y</mi></mphantom><mo>}</mo>", r"\{x|\}"),
        ("<semantics><mi>x</mi><annotation encoding='TeX'>x_1</annotation></semantics>", "x_1"),
        ("<semantics><mi>x</mi><annotation encoding='text/plain'>y</annotation></semantics>", "x"),
        ("<!-- c --><mi>x</mi><strange>+<mi>y</mi>", "x+y"),
        ("<mi>x", "x"),
    ],
)
def test_mathml_becomes_tex(mathml, tex):
    found = segment(f"<p>a <math>{mathml}</math> b")
    assert found.texts == [f"a ${tex}$ b"]
    assert found.formulas.tolist() == [[0, 2, 4 + len(tex)]]
    if mathml.count("<") == len(re.findall("</?[a-z]", mathml)):  # with a prefix
        for prefix in ("mml", "m"):
            named = re.sub("(</?)", rf"\1{prefix}:", f"<math>{mathml}</math>")
            assert texts(f"<p>a {named} b <mml:math>")[0] == f"a ${tex}$ b"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # code keeps every character but for no-break spaces, which are spaces
        ("<pre>a\rb\r\nc\n\rd</pre>", ["a\nb\nc\n\nd"]),
        (
            "<pre>a\u200b\u00ad\ue0b0\x1b[0m\u2003|&nbsp;\tb</pre>",
            ["a\u200b\u00ad\ue0b0\x1b[0m\u2003| \tb"],
        ),
        ("<listing>\n a</listing><xmp>\n<b>  x</xmp>", [" a", "<b>  x"]),
        ("<pre>&#13;a&#10;b</pre>", ["a\nb"]),
        ("<pre><ol><li>a<li><li> b</ol></pre>", ["a\n\n b"]),
        # white-space by style, on any element
        ("<div style='white-space: pre-wrap'>\na\n\n  b\n</div>", ["a\n\n  b"]),
        ("<div style='white-space:pre-line'>a   b\n  c\n\nd</div>", ["a b\nc\n\nd"]),
        ("<pre style='white-space: normal'>a\n  b</pre>", ["a b"]),
        ("<p style='white-space: break-spaces'>a  <b>b\n</b>c</p>", ["a  b\nc"]),
        ("<code style='display:block;white-space:pre'>f\n  x</code>", ["f\n  x"]),
        # indentation by no-break spaces: of code and verse, not of paragraphs
        ("<p><code>if x:<br>&nbsp;&nbsp; &nbsp;y<br>&nbsp;<br>z</code>", ["if x:\n    y", "z"]),
        ("<p>&nbsp; a<br>&nbsp;&nbsp;b", ["  a\n  b"]),
        ("<p>&nbsp;&nbsp;a&nbsp;&nbsp; b", ["a b"]),
        # tables of code, a row a line
        (
            "<table class=highlight>\n<tr>\n <td class=blob-num data-line-number=1></td>\n"
            "<td class='blob-code'>def f():</td>\n</tr>\n<tr><td class=blob-num>2<td "
            "class=blob-code>\n</td></tr><tr><td class=blob-num>3<td class=blob-code>  return\n"
            "</table>after",
            ["def f():\n\n  return", "after"],
        ),
        (
            "<pre><table class=hljs-ln><tr><td class=hljs-ln-numbers><td class=hljs-ln-code>a"
            "<tr><td class=hljs-ln-numbers><td class=hljs-ln-code>  b</table></pre>",
            ["a\n  b"],
        ),
        (
            "<div class=syntaxhighlighter><table><tr><td class=gutter><div>1</div><div>2</div>"
            "<td class=code><div>if (a)</div><div><code>&nbsp;&nbsp;</code><code>b()</code></div>"
            "</table></div>",
            ["if (a)\n  b()"],
        ),
        # a line break of the source between Chinese characters or kana is nothing
        ("<p>古代灯\n塔的<b>\n讲座</b>。\r\n「い」 い\n", ["古代灯塔的讲座。「い」 い"]),
        ("<p>한\n국 中\na b\n中 foo\u200b\nbar", ["한 국 中 a b 中 foobar"]),
    ],
)
def test_white_space_as_a_browser_shows_it(html, expected):
    assert texts(html) == expected


def test_places_of_formulas():
    found = segment(
        "<p>ä <math alttext='é'></math> and <math alttext='b'></math><p>x<p>$c$ <img alt='$d$'>"
    )
    assert found.texts == ["ä $é$ and $b$", "x", "$c$ $d$"]
    places = [found.texts[row][first:end] for row, first, end in found.formulas.tolist()]
    assert places == ["$é$", "$b$", "$d$"]


def test_a_button_takes_its_formula_along():
    found = segment("<pre>word <button><math alttext='a'></math></button><math alttext='b'></math>")
    assert (found.texts, found.formulas.tolist()) == (["word $b$"], [[0, 5, 8]])
    page = "<pre><b class=MathJax_Preview><button>x</button></b><script type=math/tex>q</script>"
    found = segment(page)
    assert (found.texts, found.formulas.tolist()) == (["$q$"], [[0, 0, 3]])
    assert texts("<pre>word<sup><button>222</button></sup> é") == ["word é"]


def test_places_of_formulas_that_moved():
    found = segment(
        "<p>é $0<table><tr><td>ä <math alttext='c'></math> x</td></tr>o <math alttext='a'></math>"
        "<i> b </i><img alt='$b$'><p><img alt='$d$'></table><p>y <math alttext='e'></math>"
    )
    assert found.texts == ["é $0", "o $a$ b $b$", "$d$", "ä $c$ x", "y $e$"]
    places = [(row, found.texts[row][first:end]) for row, first, end in found.formulas.tolist()]
    assert places == [(1, "$a$"), (1, "$b$"), (2, "$d$"), (3, "$c$"), (4, "$e$")]


def test_cells_stand_in_the_table_s_grid():
    found = rows(
        "<table><tfoot><tr><td>z</tfoot><thead><tr><th rowspan=2>a<th colspan=2>b<tr><th>c<th>d"
        "</thead><tr><td rowspan=0>e<td rowspan=2 colspan=2>f<td>g<tr><td>h<tbody><tr><td>i</table>"
    )
    places = {text: int(row["place"]) for text, row in found.items()}
    assert places == dict(zip("zabcdefghi", (0, 0, 1, 1, 2, 0, 1, 3, 3, 0)))
    assert [int(found[text]["section"]) for text in "zaei"] == [2, 0, 1, 1]


def rows(html: str) -> dict[str, np.void]:
    found = segment(html)
    return dict(zip(found.texts, found.table))


def test_flags_are_inherited_and_hints_by_distance():
    found = rows(
        '<body class="sidebar"><div id="content"><article class="entry-content"><div><div>'
        "<p class=lead>text<span class=byline> by</span></p></div></div></article></div>"
        "<nav><ul class=menu><li>item</ul></nav><div role=navigation>more</div>"
    )
    text, item = found["text by"], found["item"]
    assert text["flags"] & np.uint64(FLAG["article"])
    assert text["flags"] & np.uint64(FLAG["paragraph"])
    assert not text["flags"] & np.uint64(FLAG["nav"])
    assert int(text["hints"]) == mask("paragraph")
    assert int(text["hints_near"]) == mask("paragraph")
    assert int(text["hints_any"]) == mask("paragraph", "post", "content")
    assert int(text["hints_inline"]) == mask("author", "meta")
    assert item["flags"] & np.uint64(FLAG["nav"])
    assert item["flags"] & np.uint64(FLAG["list"])
    assert int(item["hints_near"]) == mask("nav")
    assert found["more"]["flags"] & np.uint64(FLAG["nav"])
    assert segment('<body class="sidebar">x').body_hints == 1 << BITS["sidebar"]


def test_counts():
    found = rows(
        "<p>Hello, big World! It is 42 <a href=/tag/x>here and there</a>.</p>"
        "<img><img><p><b>中文，标点。</b></p><div><a href=x>one</a> <a href=y>two</a></div>"
    )
    first = found["Hello, big World! It is 42 here and there."]
    assert (first["characters"], first["words"], first["digits"]) == (42, 9, 2)
    assert (first["uppercase"], first["commas"], first["sentence_ends"]) == (3, 1, 2)
    assert (first["links"], first["link_characters"]) == (1, len("here and there"))
    assert first["letters"] == len("HellobigWorldItishereandthere")
    assert KINDS[first["starts"]], KINDS[first["ends"]] == ("upper", "stop")
    assert first["hints_link"] & np.uint64(mask("tags"))
    assert TAGS[first["tag"]] == "p"
    chinese = found["中文，标点。"]
    assert (chinese["characters"], chinese["cjk"], chinese["bold_characters"]) == (6, 4, 6)
    assert (chinese["commas"], chinese["sentence_ends"], chinese["images_before"]) == (1, 1, 2)
    assert not first["flags"] & np.uint64(FLAG["link"])
    assert found["one two"]["flags"] & np.uint64(FLAG["link"])


def test_places_in_lists_and_tables():
    found = rows(
        "<ol><li>a<li>b<ul><li>c</ul></ol>"
        "<table><tr><th>d<th>e<tr><td>f<td>g<p>h</table><table><td>i</table><h3>j</h3>"
    )
    assert [found[x]["item"] for x in "abcd"] == [1, 2, 1, -1]
    assert [found[x]["list_depth"] for x in "abcd"] == [1, 1, 2, 0]
    assert [TAGS[found[x]["list_tag"]] for x in "abc"] == ["ol", "ol", "ul"]
    for text, place in zip("defghia", ("000", "001", "010", "011", "011", "100", "---")):
        expected = [-1 if number == "-" else int(number) for number in place]
        assert [found[text][name] for name in ("table", "row", "column")] == expected
    first = np.uint64(FLAG["first_of_cell"])
    assert [bool(found[x]["flags"] & first) for x in "gh"] == [True, False]
    assert found["j"]["heading_level"] == 3


def test_containers_add_up():
    found = segment("<div><p>one two</p><div><a href=x>three</a><p>four</div></div><p>five")
    containers, table = found.containers, found.table
    assert (containers["parent"][1:] < np.arange(1, len(containers))).all()
    assert containers["parent"][0] == -1
    for number, container in enumerate(containers):
        inside = table[container["first_block"] : container["first_block"] + container["blocks"]]
        assert container["characters"] == inside["characters"].sum()
        assert container["link_characters"] == inside["link_characters"].sum()
        assert container["children"] == (containers["parent"] == number).sum()
        assert container["html_start"] <= container["html_end"] <= found.html_bytes
    assert [TAGS[tag] for tag in containers["tag"]] == ["body", "div", "p", "div", "p", "p"]


def test_what_most_of_the_text_hides_in_is_not_hidden():
    hidden = np.uint64(FLAG["hidden"])
    shown = segment(f"<div style='display:none'><p>{'a' * 50}</p><div hidden>b</div></div>")
    assert [bool(flags & hidden) for flags in shown.table["flags"]] == [False, True]
    popup = segment(f"<p>{'a' * 50}</p><div style='display:none'><p>b</p></div>")
    assert [bool(flags & hidden) for flags in popup.table["flags"]] == [False, True]


def test_the_head():
    found = segment(
        "<html lang='en-GB'><head><title> A &amp;\n B </title><meta property=og:title content='C'>"
        "<meta name=Description content='D &lt;'><link rel=canonical href='https://e.example/'>"
        "<meta property='og:site_name' content=S><meta property='og:type' content=article></head>"
        "<title>second</title>x"
    )
    assert (found.title, found.og_title, found.description) == ("A & B", "C", "D <")
    assert (found.site_name, found.og_type) == ("S", "article")
    assert (found.language, found.canonical) == ("en-GB", "https://e.example/")


# ---- soup: our pass gives the text that a standard tree builder keeps ----

NO_TEXT = {
    "script", "style", "title", "svg", "template", "object", "option", "optgroup", "select",
    "datalist", "audio", "video", "canvas", "applet", "rt", "rp", "progress", "meter", "iframe",
    "noembed", "noframes", "textarea", "head",
}  # fmt: skip
INVISIBLE = re.compile(
    "[\\s0-9\xad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\u3000\ufeff\ufffc\ue000-\uf8ff"
    "\x00-\x1f\x7f-\x9f¶“”$"
    "\u2070-\u208e¹²³^_{}ºª]+"  # sub- and superscripts
)


def tree_text(html: str) -> str:
    """All text that lexbor's tree shows."""
    body = HTMLTree.parse(html).body
    assert body is not None
    found: list[str] = []
    stack: list[Node] = [body]
    while stack:
        node = stack.pop()
        if node.type == NodeType.TEXT:
            assert node.text is not None
            found.append(node.text)
        elif node.type != NodeType.ELEMENT or node.tag not in NO_TEXT:
            stack += reversed(node.child_nodes)
    return "".join(found)


SOUP_TAGS = (
    "p div span b a li ul table tr td th h1 h2 em form section dl dt dd blockquote i font tbody "
    "caption article header center u"
)
SOUP = st.sampled_from(
    [f"<{slash}{tag}>" for tag in SOUP_TAGS.split() for slash in ("", "/")]
    + ["<br>", "<hr>", "<!-- c -->", "&amp;", "&lt", "&copy1;", "< ", "<3", "</ x>", "<?php ?>"]
    + ["<script>s</script>", "<svg><g>s</svg>", "<select><option>x</select>", "<p/>", "&notit;"]
    + ["<div a='x>y'>", "<b =x>", "<i a=b/>", "<textarea>t</textarea>", "<a href=x>"]
)


@given(st.lists(SOUP, max_size=40))
def test_soup_gives_the_text_of_a_standard_tree(parts):
    html = "<body>" + "".join(f"{part}w{chr(97 + i % 26)}" for i, part in enumerate(parts))
    ours = re.sub(r"\s", "", "".join(texts(html)))
    assert ours == re.sub(r"\s", "", tree_text(html))


def test_real_pages_give_the_text_of_a_standard_tree(shared_dir):
    from pipeline.crawl.limits import LimitsConfig
    from pipeline.crawl.warc import read_records

    file = sorted((shared_dir / "crawl").glob("GHP-*-00002.warc.gz"))[0]
    checked = 0
    for record in itertools.islice(read_records(file, LimitsConfig()), 0, 1000, 20):
        if record.record_type != "response":
            continue
        html, _ = decode(record.content.partition(b"\r\n\r\n")[2])
        if "<math" in html or "katex" in html or html.startswith("<?xml"):
            continue
        ours = Counter(INVISIBLE.sub("", "".join(texts(html))))
        tree = Counter(INVISIBLE.sub("", tree_text(html)))
        assert not ours - tree, record.url
        # screen readers' text, line numbers and copy buttons are left out on purpose
        assert (tree - ours).total() <= 0.02 * tree.total() + 500, record.url
        checked += 1
    assert checked > 35


@pytest.mark.parametrize(
    ("style", "unseen"),
    [
        ("visibility:hidden", True),
        ("color: red; VISIBILITY : collapse !important", True),
        ("backface-visibility:hidden", False),
        ("visibility:hidden;visibility:visible", False),
        ("display:none", True),
        ("display:none;display:block", False),
    ],
)
def test_what_a_style_hides(style, unseen):
    found = segment(f'<p>one</p><div style="{style}"><p>two</p></div>')
    hidden = (found.table["flags"] & np.uint64(FLAG["hidden"])) != 0
    assert dict(zip(found.texts, hidden.tolist(), strict=True)) == {"one": False, "two": unseen}


@given(
    st.lists(st.sampled_from(["<p>", "a é", "中😀 b", "<b>", "<li>", "\r\n", "&amp;"])).map("".join)
)
def test_a_page_as_text_and_as_bytes(html):
    one, other = segment(html), segment(html.encode())
    assert one.texts == other.texts
    assert one.table.tobytes() == other.table.tobytes()
    assert (one.html_bytes, one.title) == (other.html_bytes, other.title)
