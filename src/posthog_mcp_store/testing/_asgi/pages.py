"""The small HTML pages shown to users: self-contained, without scripts."""

from html import escape

from starlette.responses import HTMLResponse

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1d1f27; background: #f3f4ef; margin: 0; }}
main {{ max-width: 28rem; margin: 12vh auto; padding: 2rem; background: #fff; border: 1px solid #d0d1c9;
  border-radius: 8px; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.25rem; margin: 0 0 1rem; }}
button {{ font: inherit; padding: .5rem 1.25rem; margin: 1rem .5rem 0 0; border: 1px solid #1d1f27;
  border-radius: 6px; background: #fff; cursor: pointer; }}
#allow {{ background: #1d1f27; color: #fff; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


def page(title: str, content: str, *, status: int = 200) -> HTMLResponse:
    """A page. `title` is text; `content` is HTML, in which the caller must have escaped untrusted text."""
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), status, {"Cache-Control": "no-store"})


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"
