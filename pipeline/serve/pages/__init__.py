"""The web pages of `crawl2chat serve`. How to add one, NAME being its word in the address:

1. `NAME_page.py`: `PAGE = WebPage("NAME", "Title", "The question it answers?")` and `router =
   APIRouter(include_in_schema=False)` with `@router.get(PAGE.path)`; a plain `def` (FastAPI gives
   it a thread) that ends in `return render(request, PAGE, rows=…)`. Tables come from
   `lake_of(request).rows("SELECT … WHERE id = ?", [id])`, models from `state_of(request).models`.
2. `templates/NAME.html.jinja`: `{% extends "layout.html.jinja" %}{% block main %}…{% endblock %}`.
   Everything is escaped; `|safe`, inline script, `style=` and `on…=` don't exist. It works without
   JavaScript: links and GET forms. Lists are paged in SQL, never sent whole.
3. `static/NAME.js`: an ES module, loaded if it is there. `dom.js` makes elements from text (nothing
   else: no innerHTML), `api.js` asks the server. Data for it: `data-…` attributes, or
   `<script type="application/json" id="…">{{ rows | tojson }}</script>`. Pages without one have
   `in_place.js`: pages of their section take their place in the same document. A script that
   imports it, too, looks for its elements when something happens, not beforehand.
4. `static/NAME.css`, if `site.css` (design tokens, cards, tables, forms) isn't enough.
5. What changes something is a POST: JSON to a path without parameters, or a form read by
   `page_forms.form_of`. `browser_origin` refuses other origins' posts before a page sees them.
6. Add the module to `page_list.py`; navigation, login, headers and errors come by themselves.
7. `tests/pipeline/serve/pages/test_NAME_page.py`: `visit(PAGE.path)` opens it in the session's one
   Chromium; `check(page)` fails on axe violations in both themes and at both widths, on foreign
   requests, console errors and sideways scrolling; `INJECTIONS` go through all that shows text.
   The fixture `page_lake` is a tiny true lake (helpers/page_lake.py: commit what more you need).
   Wait by `expect(locator)`; ask by `calls(app)` in other tests than those that open a page.
   Look at `screenshots(page)` with your own eyes; the page's row in docs/pages.md comes last.
"""
