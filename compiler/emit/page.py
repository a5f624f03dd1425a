"""What the page of a plan brings along: style and script, the same for every plan."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["SCRIPT", "STYLE_OF_PAGE", "script_digest"]

STYLE_OF_PAGE = """
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif}
header{display:flex;flex-wrap:wrap;gap:12px 24px;align-items:center;justify-content:space-between;
padding:16px 24px 8px}
h1{font-size:18px;margin:0}h2{font-size:15px;margin:24px 24px 8px}
header p{margin:2px 0 0;color:var(--soft)}
.notes{margin:0 24px 8px;white-space:pre-wrap}
.tools{display:flex;gap:6px}
button,input{font:inherit;color:var(--ink);background:var(--box);border:1px solid var(--edge);border-radius:7px;
padding:5px 10px}
button{cursor:pointer}button:hover{border-color:var(--line)}
:focus-visible{outline:2px solid var(--ran);outline-offset:1px}
input{width:200px}
.legend{display:flex;flex-wrap:wrap;gap:6px;padding:4px 24px 12px}
.key{display:inline-flex;align-items:center;gap:7px;border-radius:99px;padding:3px 11px;font-size:13px;
border:1px solid var(--edge)}
.key i{width:10px;height:10px;border-radius:3px;background:var(--line)}
.key b{font-weight:600;color:var(--soft)}
.key[aria-pressed=true]{border-color:var(--ink)}
.key.longest i{background:var(--critical);height:3px;width:18px}
.key.dashed i{background:none;border-top:2px dashed var(--line);border-radius:0;height:0;width:20px}
main{position:relative;margin:0 24px;border:1px solid var(--edge);border-radius:12px;overflow:hidden}
#view{overflow:auto;max-height:76vh;cursor:grab}
#view.held{cursor:grabbing;user-select:none}
#drawing{display:block}
#details{position:absolute;right:12px;top:12px;width:min(420px,calc(100% - 24px));max-height:calc(100% - 24px);
overflow:auto;background:var(--box);border:1px solid var(--edge);border-radius:10px;padding:12px 14px;
box-shadow:0 6px 24px rgba(0,0,0,.18)}
#details pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--lane);border-radius:7px;padding:8px 10px;
margin:8px 0;font:12px/1.5 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
#details dl{display:grid;grid-template-columns:auto 1fr;gap:3px 12px;margin:0}
#details dt{color:var(--soft)}#details dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
#details .close{float:right;padding:0 8px}
.box{cursor:pointer;outline:none}
.box:focus-visible .card,.box.chosen .card{stroke:var(--ink);stroke-width:2.2}
.faded{opacity:.22}
.lit{stroke:var(--ink)!important}.tip.lit{fill:var(--ink)!important}
.wide{overflow-x:auto;margin:0 24px 32px}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:left;vertical-align:top;padding:5px 10px;border-bottom:1px solid var(--edge)}
th{color:var(--soft);font-weight:600}
td{white-space:nowrap}td.code,td[data-name=Note]{white-space:normal}
td[data-name=Note]{min-width:200px}
td code{white-space:pre-wrap;overflow-wrap:anywhere;font:12px/1.5 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",
monospace}
tr.critical td:first-child{box-shadow:inset 3px 0 var(--critical)}
""" + "".join(
    f".key.{state} i{{background:var(--{state})}}\ntr.{state} td[data-name=State]{{color:var(--{state})}}\n"
    for state in ("cached", "ran", "changed", "moved", "new", "removed", "failed")
)

# Reads the table's rows for details, so that there is one place with all texts. It writes text, never HTML.
SCRIPT = """
"use strict";
(() => {
const $ = id => document.getElementById(id);
const view = $("view"), drawing = $("drawing"), details = $("details");
const boxes = [...drawing.querySelectorAll(".box")];
const lines = [...drawing.querySelectorAll("[data-tail]")];
const rows = new Map([...document.querySelectorAll("tr[data-box]")].map(row => [row.dataset.box, row]));
const width = drawing.viewBox.baseVal.width, height = drawing.viewBox.baseVal.height;
let scale = 1, chosen = null;
document.querySelector(".tools").hidden = false;

function zoom(to, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  to = Math.min(3, Math.max(.05, to));
  const left = (view.scrollLeft + x) / scale, top = (view.scrollTop + y) / scale;
  scale = to;
  drawing.setAttribute("width", width * scale);
  drawing.setAttribute("height", height * scale);
  view.scrollTo(left * scale - x, top * scale - y);
}
const fit = () => zoom(Math.min(1, view.clientWidth / width));
$("larger").onclick = () => zoom(scale * 1.25);
$("smaller").onclick = () => zoom(scale / 1.25);
$("fit").onclick = fit;
$("full").onclick = () => zoom(1);
view.addEventListener("wheel", event => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const place = view.getBoundingClientRect();
  zoom(scale * Math.exp(-event.deltaY / 300), event.clientX - place.left, event.clientY - place.top);
}, {passive: false});

let held = null;
view.addEventListener("pointerdown", event => {
  if (event.button === 0 && !event.target.closest(".box"))
    held = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop];
});
window.addEventListener("pointermove", event => {
  if (!held) return;
  view.classList.add("held");
  view.scrollTo(held[0] - event.clientX, held[1] - event.clientY);
});
window.addEventListener("pointerup", () => { held = null; view.classList.remove("held"); });

function light(name) {
  for (const line of lines)
    line.classList.toggle("lit", line.dataset.tail === name || line.dataset.head === name);
}
function add(parent, kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return parent.appendChild(element);
}
function choose(name) {
  for (const box of boxes) box.classList.toggle("chosen", box.id === name);
  chosen = name;
  details.replaceChildren();
  details.hidden = name === null;
  light(name);
  if (name === null) return;
  const close = add(details, "button", "\\u00d7");
  close.className = "close";
  close.setAttribute("aria-label", "Close");
  close.onclick = () => choose(null);
  const row = rows.get(name), list = document.createElement("dl");
  if (!row) {
    add(details, "strong", $(name).getAttribute("aria-label"));
    return;
  }
  add(details, "strong", [row.cells[0].textContent, row.cells[1].textContent].filter(Boolean).join(" "));
  add(details, "pre", row.cells[2].textContent);
  const known = [...row.querySelectorAll("[data-name]")].map(cell => [cell.dataset.name, cell.textContent]);
  known.push(["Reads", row.dataset.reads], ["Place", row.cells[row.cells.length - 1].textContent]);
  for (const [term, value] of known)
    if (value) { add(list, "dt", term); add(list, "dd", value); }
  details.append(list);
}
for (const box of boxes) {
  box.addEventListener("click", () => choose(chosen === box.id ? null : box.id));
  box.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(box.id); }
  });
  box.addEventListener("mouseenter", () => light(box.id));
  box.addEventListener("mouseleave", () => light(chosen));
}
for (const row of rows.values()) row.addEventListener("click", () => {
  choose(row.dataset.box);
  $(row.dataset.box).scrollIntoView({block: "center", inline: "center"});
});
document.addEventListener("keydown", event => { if (event.key === "Escape") choose(null); });

function filter() {
  const text = $("find").value.trim().toLowerCase();
  const states = [...document.querySelectorAll(".key[aria-pressed=true]")].map(key => key.dataset.state);
  let first = null;
  for (const box of boxes) {
    const row = rows.get(box.id);
    const said = (row ? row.textContent : box.textContent).toLowerCase();
    const fits = said.includes(text) && (!states.length || states.some(state => box.classList.contains(state)));
    box.classList.toggle("faded", !fits);
    if (row) row.hidden = !fits;
    if (fits && !first) first = box;
  }
  return first;
}
$("find").oninput = filter;
$("find").onkeydown = event => {
  const first = event.key === "Enter" ? filter() : null;
  if (first) { choose(first.id); first.scrollIntoView({block: "center", inline: "center"}); }
};
for (const key of document.querySelectorAll(".key[data-state]")) key.onclick = () => {
  key.setAttribute("aria-pressed", key.getAttribute("aria-pressed") !== "true");
  filter();
};
if (width > view.clientWidth) zoom(Math.max(.55, Math.min(1, view.clientWidth / width)), 0, 0);
})();
"""


def script_digest() -> str:
    """What names the script in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}"
