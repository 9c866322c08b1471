"""Markup that attacks whoever looks at it: what a hostile notebook displays, prints and is called.

Each calls `pwn()`, which the tests of the pages define or find undefined, or asks `evil.example`, which nobody serves.
"""

from __future__ import annotations

PWN = "globalThis.__pwned=1"

MARKUP = (
    f"<script>{PWN};document.title='PWNED'</script>",
    f'<img src=x onerror="{PWN}"><img src=x onerror={PWN}>',
    f"<svg/onload={PWN}><svg><script>{PWN}</script></svg><svg><animate onbegin={PWN} attributeName=x dur=1s>",
    f"\"'><script>{PWN}</script>",
    f"</pre></div></section></main></body></html><script>{PWN}</script>",
    f"</style><script>{PWN}</script><style>",
    f"</title></textarea></noscript></iframe></template><script>{PWN}</script>",
    f"<!--<img src='--><img src=x onerror={PWN}>'>-->",
    f"<![CDATA[<script>{PWN}</script>]]>",
    f"<a href=\"javascript:{PWN}\">click</a><a href=' java\tscript:{PWN}'>x</a><a href='data:text/html,<script>{PWN}</script>'>",
    f"<form action='javascript:{PWN}'><input type=submit><button formaction='javascript:{PWN}'>b</button></form>",
    f"<iframe srcdoc='<script>{PWN}</script>'></iframe><iframe src='javascript:{PWN}'></iframe>",
    f"<object data='data:text/html,<script>{PWN}</script>'></object><embed src='data:image/svg+xml,<svg onload={PWN}>'>",
    "<link rel=stylesheet href='https://evil.example/x.css'><base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'><meta http-equiv=set-cookie content=a=b>",
    "<style>*{display:none !important}h1,.total{color:red !important;position:fixed}@import 'https://evil.example/x';</style>",
    "<div style='position:fixed;inset:0;z-index:99999;background:red'>over everything</div>",
    "<div style=\"background:url('https://evil.example/x.png')\" class='total card' id='main'>x</div>",
    "<img src='https://evil.example/x.png' srcset='https://evil.example/y.png 2x' style='width:99999px'>",
    "<video poster='https://evil.example/p' src='https://evil.example/v' autoplay onloadstart='"
    + PWN
    + "'></video>",
    "<audio src=x onerror="
    + PWN
    + "></audio><source src=https://evil.example/s><track src=https://evil.example/t>",
    "<table background='https://evil.example/b'><tr><td background='https://evil.example/c' width=99999>wide</table>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={PWN}&gt;'>",
    f"<svg></p><style><a id='</style><img src=1 onerror={PWN}>'>",
    f"<noscript><p title='</noscript><img src=x onerror={PWN}>'></noscript>",
    f"<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror={PWN} src>'>",
    f"<xmp><img src='</xmp><img src=x onerror={PWN}>'></xmp><plaintext><listing>",
    f"<details open ontoggle={PWN}><summary>s</summary></details><select><option><img src=x onerror={PWN}></select>",
    f"<body onload={PWN}><marquee onstart={PWN}>m</marquee><isindex><bgsound src=javascript:{PWN}>",
    f"<template><script>{PWN}</script></template><portal src='https://evil.example'></portal><dialog open>d</dialog>",
    f"$\\href{{javascript:{PWN}}}{{x}}$ $\\text{{<img src=x onerror={PWN}>}}$ $\\style{{position:fixed}}{{x}}$",
    f"$$\\html{{<script>{PWN}</script>}}$$ $\\unicode{{x3c}}script$ \\begin{{align}} <script>{PWN}</script> \\end{{align}}",
    "$\\rule{99999em}{99999em}$ $\\hspace{99999em}x$ $\\raise{9999em}{x}$ $\\Huge{" + "x" * 300 + "}$",
    f"[click](javascript:{PWN}) ![p](https://evil.example/x.png) <https://evil.example> [r][1]\n\n[1]: javascript:{PWN}",
    f"# heading <script>{PWN}</script>\n\n| a | b |\n|---|---|\n| <img src=x onerror={PWN}> | ![](//evil.example) |",
    f"{{{{ 7 * 7 }}}}{{% raw %}}{{# c #}}${{{PWN}}}<%= {PWN} %>`${{{PWN}}}`",
    f"&lt;script&gt;{PWN}&lt;/script&gt; &#60;script&#62; \\u003cscript\\u003e %3Cscript%3E",
    f"\x00<scr\x00ipt>{PWN}</scr\x00ipt> \x1b]8;;javascript:{PWN}\x07link\x1b]8;;\x07 \x1b[31m<script>{PWN}</script>\x1b[0m",
    "safe\u202egnp.exe\u2066 \u200f\u200erun\u202c Z" + "\u0301\u0302\u0303" * 60 + "algo",
    "wide" * 20_000,
    "<table>" + "<tr>" + "<td>cell</td>" * 2_000 + "</tr>" + "</table>",
    "<div>" * 3_000 + "deep" + "</div>" * 3_000,
    "<b>" * 3_000 + "bold" + "<p>" * 100,
    "<h1>A heading of mine</h1><h6>and a small one</h6><main>main</main><footer>0 of 50</footer>",
    "<p class=total><strong>50</strong> of 50</p><section class=card><h2 id=marks>Marks</h2></section>",
)
