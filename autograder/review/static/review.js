// The review page: every action is one request, what is typed is kept as a draft, everything has a key.
"use strict";

const $ = (id) => document.getElementById(id);
const LETTERS = "asdfgh";
const KEYS = [
  ["digits . Backspace", "points"], ["m / z", "full points / zero"], ["a s d f g h", "criteria"], ["c", "comment (Escape leaves it)"],
  ["/", "reuse a comment"], ["Enter", "give and go on (Ctrl+Enter in the comment)"], ["u", "undo your last mark"], ["n or →, p or ←", "next, previous"],
  ["i, I", "next item, previous item"], ["t", "skip the marked, or not"], ["v", "one item, or one student at a time"], ["r", "mark as second marker"],
  ["x", "similar answer beside it"], ["o", "change an automatic mark"], ["?", "this list"],
];
const DRAFT_MS = 300, POLL_MS = 4000, RETRY_MS = 1500;

let token = new URLSearchParams(location.hash.slice(1)).get("token") || sessionStorage.getItem("token") || "";
let data = null;    // the overview
let shown = null;   // the answer on the page
let round = 1;
let criteria = new Set();
let isTouched = false, isFresh = true, conflict = false, alikeAt = -1;
let draftTimer = 0, loading = 0;
let queue = Promise.resolve();

// ------------------------------------------------------------------ the server

async function ask(path, body, keepalive) {
  const headers = { "x-autograder-token": token };
  if (body !== undefined) headers["content-type"] = "application/json";
  const said = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, keepalive: Boolean(keepalive),
    body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  const answer = await said.json();
  if (said.status === 401) { logIn(answer.error); }
  if (!said.ok && said.status !== 409) throw Object.assign(new Error(answer.error || said.statusText), { status: said.status });
  return answer;
}

// Writes happen one after the other, so that a late draft never overtakes a mark.
function write(path, body) {
  const turn = queue.then(() => ask(path, body));
  queue = turn.catch(() => {});
  return turn;
}

function trouble(error) {
  if (error.status === 401) return;
  $("alarm").textContent = error.status ? error.message
    : "The server does not answer. Nothing is lost: start it again (autograder review), and repeat the last step; what you typed stays here.";
}

function say(text) { $("notice").textContent = text; $("alarm").textContent = ""; }

async function logIn(why) {
  const hello = await fetch("api/hello").then((said) => said.json()).catch(() => ({ password: false }));
  if (!hello.password) { $("alarm").textContent = why + " Open the address that autograder review printed."; return; }
  if (!$("logging-in").open) $("logging-in").showModal();
}

// ------------------------------------------------------------------ where we are

function isDone(row) {
  if (round === 1) return row.state === "marked";
  return row.second !== null || row.state === "open" || row.by === data.author;
}

function ordered() {
  const place = (list, key, name) => list.findIndex((one) => one[name] === key);
  const keyed = data.rows.map((row) => ({ row, c: place(data.checks, row.check, "id"), p: place(data.people, row.submission, "key") }));
  const byPerson = $("by-person").checked;
  keyed.sort((a, b) => byPerson ? a.p - b.p || a.c - b.c : a.c - b.c || a.p - b.p);
  return keyed.map((one) => one.row);
}

const rowOf = (submission, check) => data.rows.find((row) => row.submission === submission && row.check === check);
const nameOf = (key) => (data.people.find((one) => one.key === key) || { name: key }).name;

async function step(by, wants = (row) => !$("only-open").checked || !isDone(row)) {
  await leave();
  await look();   // somebody else may have marked meanwhile
  const rows = ordered();
  const at = shown ? rows.findIndex((row) => row.submission === shown.submission && row.check === shown.check) : -1;
  for (let n = 1; n <= rows.length; n += 1) {
    const row = rows[(((at + by * n) % rows.length) + rows.length) % rows.length];
    if (wants(row) && !(shown && row.submission === shown.submission && row.check === shown.check)) return show(row.submission, row.check);
  }
  paint();
  say(data.rows.every(isDone) ? "Everything is marked. End the server with Ctrl-C, or run autograder report, to write the reports." : "There is no other.");
  return undefined;
}

function otherItem(by) {
  const at = data.checks.findIndex((one) => one.id === shown.check);
  const check = data.checks[(at + by + data.checks.length) % data.checks.length].id;
  const rows = ordered().filter((row) => row.check === check);
  const row = rows.find((one) => !isDone(one)) || rows[0];
  return row ? show(row.submission, row.check) : Promise.resolve();
}

async function look() {
  data = await ask("api/overview");
  paint();
}

function paint() {
  const open = data.rows.filter((row) => !isDone(row)).length, n = data.rows.length;
  const each = data.seconds_each, minutes = each === null ? 0 : open * each / 60;
  const left = each === null || !open ? "" : minutes < 1 ? ", less than a minute left" : `, about ${Math.round(minutes)} min left`;
  const again = data.rows.filter((row) => row.state === "look").length;
  $("progress").textContent = `${n - open} of ${n} marked, ${open} open${again ? `, ${again} to look at again` : ""}${left}`;
  $("title").textContent = data.title;
  $("who").textContent = data.author + (data.blind ? " (blind: no names)" : "");
  document.title = `${open} open – review of ${data.assignment}`;
  options($("check"), data.checks.map((one) => {
    const rows = data.rows.filter((row) => row.check === one.id);
    return [one.id, `${one.item}: ${one.title} (${rows.filter((row) => !isDone(row)).length} open)`];
  }), shown && shown.check);
  const mine = data.rows.filter((row) => shown && row.check === shown.check);
  options($("person"), mine.map((row) => [row.submission, `${nameOf(row.submission)}${isDone(row) ? " ✓" : row.state === "look" ? " (look again)" : ""}`]), shown && shown.submission);
}

function options(select, pairs, chosen) {
  if (document.activeElement === select) return;
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value, false, value === chosen)));
}

// ------------------------------------------------------------------ one answer

async function show(submission, check) {
  await leave();
  const mine = ++loading;
  const query = new URLSearchParams({ submission, check, round });
  const answer = await ask(`api/answer?${query}`);
  if (mine !== loading) return;
  shown = answer;
  sessionStorage.setItem("place", JSON.stringify([submission, check]));
  conflict = false; alikeAt = -1;
  draw();
  paint();
}

function draw() {
  $("heading").textContent = `${shown.item} – ${nameOf(shown.submission)}`;
  $("prompt").innerHTML = shown.prompt;
  $("answer").innerHTML = shown.answer || "<p><em>Nothing is written.</em></p>";
  $("message").textContent = shown.message;
  $("other").hidden = true;
  $("figures-box").hidden = !shown.figures.length && !shown.n_figures_beyond;
  $("figures").replaceChildren(...shown.figures.map((one) => Object.assign(new Image(), { src: one.url, alt: `Figure of cell ${one.cell + 1}` })));
  if (shown.n_figures_beyond) $("figures").append(make("p", `${shown.n_figures_beyond} more cannot be shown.`));
  $("alike-box").hidden = !shown.similar.length;
  $("alike").replaceChildren(...shown.similar.map((one, at) => {
    const button = make("button", `${one.name}: ${Math.round(one.ratio * 100)} % alike${one.points === null ? "" : `, given ${one.points}`}`);
    button.type = "button"; button.addEventListener("click", () => act(() => beside(at)));
    const row = make("li"); row.append(button); return row;
  }));
  $("guide").hidden = !shown.model_answer;
  $("model").innerHTML = shown.model_answer;
  $("findings-box").hidden = !shown.findings.length;
  $("findings").replaceChildren(...shown.findings.map(finding));
  $("possible").textContent = `of ${shown.possible}`;
  drawCriteria();
  const from = shown.draft || (shown.mark ? { points: String(shown.mark.points), criteria: shown.mark.criteria, comment: shown.mark.comment } : { points: "", criteria: [], comment: "" });
  $("points").value = from.points; criteria = new Set(from.criteria); $("comment").value = from.comment;
  tick(); isTouched = false; isFresh = true;
  $("kept").textContent = shown.draft ? "A draft of yours, not given yet." : "";
  drawMarks();
}

function make(tag, text, name) { const one = document.createElement(tag); if (text) one.textContent = text; if (name) one.className = name; return one; }

function drawCriteria() {
  $("criteria").hidden = !shown.criteria.length;
  $("criteria").replaceChildren(make("legend", "Criteria"), ...shown.criteria.map((one, at) => {
    const label = make("label", "", "criterion"), box = document.createElement("input"), text = make("span");
    box.type = "checkbox"; box.id = `criterion-${at}`; box.addEventListener("change", () => toggle(at));
    text.innerHTML = one.text;
    const key = make("span", `${one.points} `); if (LETTERS[at]) key.append(make("kbd", LETTERS[at]));
    label.append(box, key, text); return label;
  }));
}

function drawMarks() {
  const lines = [];
  const told = (who, mark) => `${who}: ${mark.points} of ${shown.possible} by ${mark.author}${mark.comment ? `. ${mark.comment}` : ""}`;
  if (shown.mark) lines.push(make("p", told(round === 2 ? "Second marker" : "Given", shown.mark)));
  const other = round === 2 ? shown.first : shown.second;
  if (other) {
    const differs = shown.mark && shown.mark.points !== other.points;
    lines.push(make("p", told(round === 2 ? "First marker" : "Second marker", other) + (differs ? `. Difference: ${Math.abs(shown.mark.points - other.points)}` : ""), differs ? "differs" : ""));
  }
  if (shown.mark) shown.mark.look_again.forEach((why) => lines.push(make("p", `Look again: ${why}.`, "differs")));
  $("marks-box").hidden = !lines.length;
  $("marks").replaceChildren(...lines);
}

function finding(one) {
  const row = make("li"), words = { passed: "passed", failed: "not passed", blocked: "not tried", error: "fault of ours", review: "for a person" };
  row.append(make("strong", one.title), make("span", ` ${words[one.status]}, ${one.pending ? "pending" : one.earned} of ${one.points}. `, "quiet"), make("span", one.message + " "));
  if (one.observed) row.append(make("span", `Found: ${one.observed}. `, "quiet"));
  if (one.mark) row.append(make("span", `${one.mark.author} gave ${one.mark.points}${one.mark.reason ? `: ${one.mark.reason}` : ""}. `, "differs"));
  if (!one.pending && one.points) {
    const button = make("button", "Change"); button.type = "button"; button.className = "change";
    button.setAttribute("aria-label", `Change: ${one.title}`);
    button.addEventListener("click", () => overrideOf(one)); row.append(button);
  }
  return row;
}

async function beside(at) {
  if (!shown.similar.length) return say("No other answer is like this one.");
  alikeAt = at;
  if (at >= shown.similar.length) { alikeAt = -1; $("other").hidden = true; return undefined; }
  const one = shown.similar[at], query = new URLSearchParams({ submission: one.key, check: shown.check });
  const other = await ask(`api/compared?${query}`);
  $("other-name").textContent = `${one.name}, ${Math.round(one.ratio * 100)} % alike` + (other.mark ? `: ${other.mark.points} given. ${other.mark.comment}` : ": not marked");
  $("other-answer").innerHTML = other.answer;
  $("other").hidden = false;
  return undefined;
}

// ------------------------------------------------------------------ marking

function tick() { shown.criteria.forEach((_, at) => { $(`criterion-${at}`).checked = criteria.has(at); }); }

function toggle(at) {
  if (at >= shown.criteria.length) return;
  if (criteria.has(at)) criteria.delete(at); else criteria.add(at);
  const sum = [...criteria].reduce((total, one) => total + shown.criteria[one].points, 0);
  $("points").value = String(Math.round(sum * 10000) / 10000);
  isFresh = true; tick(); touched();
}

function typed(key) {
  const field = $("points");
  if (key === "Backspace") field.value = field.value.slice(0, -1);
  else field.value = (isFresh ? "" : field.value) + key.replace(",", ".");
  isFresh = false; touched();
}

function touched() {
  isTouched = true;
  $("kept").textContent = "Draft …";
  clearTimeout(draftTimer);
  draftTimer = setTimeout(keep, DRAFT_MS);
}

const target = () => ({ submission: shown.submission, check: shown.check, round });
const draft = () => ({ ...target(), points: $("points").value.slice(0, 20), criteria: [...criteria], comment: $("comment").value });

async function keep() {
  clearTimeout(draftTimer); draftTimer = 0;
  const at = shown;
  try {
    await write("api/draft", draft());
    if (at === shown && !draftTimer && isTouched) $("kept").textContent = "Draft kept.";
  } catch (error) {
    trouble(error);
    if (at === shown && !error.status) draftTimer = setTimeout(keep, RETRY_MS);
  }
}

async function leave() { if (shown && draftTimer) await keep(); }

function refuse(why) { drop(); $("alarm").textContent = why; }

async function give() {
  const text = $("points").value.trim().replace(",", ".");
  if (text === "" || Number.isNaN(Number(text))) return refuse("Give points first: digits, criteria, m for all, z for none.");
  if (Number(text) < 0 || Number(text) > shown.possible) return refuse(`Give 0 to ${shown.possible} points.`);
  clearTimeout(draftTimer); draftTimer = 0;
  const at = shown;
  let said;
  try {
    said = await write("api/mark", { ...target(), version: at.version, points: Number(text), criteria: [...criteria], comment: $("comment").value });
  } catch (error) { drop(); touched(); return trouble(error); }
  if (at !== shown) return undefined;
  if (said.ok === false) return stale(said);
  isTouched = false; conflict = false;
  const row = rowOf(at.submission, at.check);
  if (row && said.row) Object.assign(row, said.row);
  shown.version = said.version; shown.mark = said.mark; shown.draft = null;
  say(`Given: ${said.mark.points} of ${shown.possible} to ${nameOf(shown.submission)}.`);
  $("kept").textContent = "";
  drawMarks();
  if (round === 2) { await look(); await show(at.submission, at.check); say("Given as second marker. n goes on."); return undefined; }
  return step(1, (one) => !isDone(one));
}

function stale(said) {
  conflict = true; drop();
  shown.version = said.version; shown.mark = said.mark;
  drawMarks();
  const theirs = said.mark ? `${said.mark.author} gave ${said.mark.points}${said.mark.comment ? ` (${said.mark.comment})` : ""}` : "Somebody took a mark back";
  $("alarm").textContent = `${theirs} meanwhile; yours was not written. Enter gives yours in its place, Escape takes theirs.`;
  keep();
}

async function takeTheirs() {
  conflict = false; isTouched = false; clearTimeout(draftTimer); draftTimer = 0;
  const mark = shown.mark;
  $("points").value = mark ? String(mark.points) : ""; criteria = new Set(mark ? mark.criteria : []); $("comment").value = mark ? mark.comment : "";
  tick(); isFresh = true;
  await keep();
  $("kept").textContent = "";
  say("Their mark holds.");
  await step(1);
}

async function undo() {
  await leave();
  const said = await write("api/undo", {});
  if (said.round !== round) { round = said.round; $("second").checked = round === 2; }
  await look();
  await show(said.submission, said.check);
  say(`Undone: ${said.points === null ? "a mark taken back" : said.points} of ${nameOf(said.submission)}.`);
}

// ------------------------------------------------------------------ automatic marks

let overridden = null;
function overrideOf(one) {
  overridden = one;
  $("override-what").textContent = `${one.title}: ${one.earned} of ${one.points} automatically. ${one.message}`;
  $("override-points").value = one.mark ? one.mark.points : ""; $("override-reason").value = one.mark ? one.mark.reason : "";
  $("override-comment").value = one.mark ? one.mark.comment : ""; $("override-possible").textContent = `of ${one.points}`;
  $("override-error").textContent = "";
  $("overriding").showModal(); $("override-points").focus();
}

async function override(points) {
  const body = { submission: shown.submission, check: overridden.id, version: overridden.version, points, reason: $("override-reason").value, comment: $("override-comment").value };
  try {
    const said = await write("api/mark", body);
    if (said.ok === false) {
      overridden.version = said.version;
      $("override-error").textContent = `${said.mark ? `${said.mark.author} gave ${said.mark.points}: ${said.mark.reason}` : "It was taken back"} meanwhile. Change again to give yours in its place.`;
      return;
    }
    shut("overriding");
    await show(shown.submission, shown.check);
    say("The automatic mark was changed.");
  } catch (error) { $("override-error").textContent = error.status ? error.message : "The server does not answer; start it again and repeat this."; }
}

// ------------------------------------------------------------------ comments given before

let comments = [], chosen = 0;
async function reuse() {
  comments = []; $("search").value = ""; chosen = 0; $("reusing").showModal(); $("search").focus(); $("search").value = typedAhead();
  comments = (await ask(`api/comments?${new URLSearchParams({ check: shown.check })}`)).comments;
  drawFound();
}
const matching = () => { const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  return comments.filter((one) => words.every((word) => one.text.toLowerCase().includes(word))).slice(0, 30); };
function drawFound() {
  const found = matching();
  chosen = Math.max(0, Math.min(chosen, found.length - 1));
  $("found").setAttribute("role", "listbox"); $("found").setAttribute("aria-label", "Comments");
  $("found").replaceChildren(...found.map((one, at) => {
    const row = make("li", `${one.text} (${one.n}×${one.here ? "" : ", elsewhere"})`);
    row.setAttribute("role", "option"); row.setAttribute("aria-selected", String(at === chosen));
    row.addEventListener("click", () => takeComment(one.text)); return row;
  }));
}
function writeComment() {
  const text = typedAhead();
  $("comment").focus();
  if (text) { $("comment").value += text; touched(); }
}
function takeComment(text) {
  $("comment").value = [$("comment").value.trim(), text].filter(Boolean).join("\n");
  shut("reusing"); touched(); keep();
}

// ------------------------------------------------------------------ keys

// Actions happen one after the other: what is typed while the next answer loads is meant for that one. After a mark that
// was not written, what was typed ahead is dropped, as it was meant for another answer.
let turns = Promise.resolve(), epoch = 0;
let ahead = null;   // text typed between the key that leads into a field and the moment when that field is ready
function act(does) {
  const mine = epoch;
  turns = turns.then(() => (mine === epoch ? does() : undefined)).catch((error) => { drop(); trouble(error); });
}
function drop() { epoch += 1; ahead = null; held = ""; }
function writeInto(does) { ahead = ""; act(() => (isDialogOpen() ? typedAhead() : does())); }
let held = "";
function ready() { held = ahead; ahead = null; }
function typedAhead() { const text = ahead === null ? held : ahead; ahead = null; held = ""; return text; }
const isDialogOpen = () => Boolean(document.querySelector("dialog[open]"));
function actByKey(does) { act(() => (isDialogOpen() ? undefined : does())); }

// A closed dialog gives its focus up at once, so that the next key is the page's.
function shut(id) { document.activeElement.blur(); $(id).close(); }

function toggleBox(id) { $(id).checked = !$(id).checked; $(id).dispatchEvent(new Event("change")); }

const ACTIONS = {
  n: () => step(1), ArrowRight: () => step(1), p: () => step(-1), ArrowLeft: () => step(-1), i: () => otherItem(1), I: () => otherItem(-1),
  m: () => { $("points").value = String(shown.possible); isFresh = true; touched(); }, z: () => { $("points").value = "0"; isFresh = true; touched(); },
  u: undo, Enter: () => (document.activeElement.matches("button.change") ? document.activeElement.click() : give()), v: () => toggleBox("by-person"), t: () => toggleBox("only-open"), r: () => toggleBox("second"),
  x: () => beside(alikeAt + 1), o: () => { const first = document.querySelector(".change"); if (first) first.focus(); else say("No automatic mark stands beside this answer."); },
  "?": () => $("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (isDialogOpen() || !shown) return;
  const inside = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (inside) {
    if (event.key === "Escape") { inside.blur(); event.preventDefault(); if (conflict) actByKey(takeTheirs); }
    if (event.key === "Enter" && (inside === $("points") || event.ctrlKey || event.metaKey)) { event.preventDefault(); inside.blur(); actByKey(give); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (ahead !== null) {
    event.preventDefault();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { ready(); actByKey(() => { document.activeElement.blur(); return give(); }); }
    else if (event.key === "Escape") { ready(); actByKey(() => document.activeElement.blur()); }
    else if (event.key.length === 1) ahead += event.key; else if (event.key === "Enter") ahead += "\n"; else if (event.key === "Backspace") ahead = ahead.slice(0, -1);
    return;
  }
  if (event.key === "c") { event.preventDefault(); writeInto(writeComment); return; }
  if (event.key === "/") { event.preventDefault(); writeInto(reuse); return; }
  if (event.key === "Escape") { actByKey(() => (conflict ? takeTheirs() : undefined)); return; }
  if (event.key === "Enter" && event.target.closest("button, a")) return;
  if (/^[0-9.,]$/.test(event.key) || event.key === "Backspace") { event.preventDefault(); actByKey(() => typed(event.key)); return; }
  if (LETTERS.includes(event.key)) { event.preventDefault(); actByKey(() => toggle(LETTERS.indexOf(event.key))); return; }
  const action = ACTIONS[event.key];
  if (action) { event.preventDefault(); actByKey(action); }
});

$("search").addEventListener("input", () => { chosen = 0; drawFound(); });
$("search").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { chosen += event.key === "ArrowDown" ? 1 : -1; drawFound(); event.preventDefault(); }
  if (event.key === "Enter") { const one = matching()[chosen]; if (one) takeComment(one.text); event.preventDefault(); }
});
$("points").addEventListener("input", () => { isFresh = false; touched(); });
$("comment").addEventListener("input", touched);
for (const id of ["points", "comment"]) $(id).addEventListener("blur", () => act(() => (draftTimer ? keep() : undefined)));
$("marking").addEventListener("submit", (event) => { event.preventDefault(); act(give); });
$("places").addEventListener("submit", (event) => event.preventDefault());
$("next").addEventListener("click", () => act(() => step(1)));
$("previous").addEventListener("click", () => act(() => step(-1)));
$("undo").addEventListener("click", () => act(undo));
$("keys").addEventListener("click", () => $("help").showModal());
$("reuse").addEventListener("click", () => act(reuse));
$("check").addEventListener("change", (event) => { const check = event.target.value; event.target.blur(); const rows = ordered().filter((row) => row.check === check); act(() => show((rows.find((row) => !isDone(row)) || rows[0]).submission, check)); });
$("person").addEventListener("change", (event) => { const person = event.target.value; event.target.blur(); act(() => show(person, shown.check)); });
$("by-person").addEventListener("change", () => say($("by-person").checked ? "One student at a time." : "One item at a time."));
$("only-open").addEventListener("change", () => say($("only-open").checked ? "The marked are skipped." : "All answers in order."));
$("second").addEventListener("change", (event) => { act(() => leave().then(() => { round = event.target.checked ? 2 : 1; return show(shown.submission, shown.check); }).then(() => say(round === 2 ? "You mark as second marker: nothing of the first is shown until you have marked." : "You mark as first marker."))); });
$("override").addEventListener("submit", (event) => { event.preventDefault(); const text = $("override-points").value.trim().replace(",", ".");
  if (text === "" || Number.isNaN(Number(text))) $("override-error").textContent = "Give points."; else act(() => override(Number(text))); });
$("override-back").addEventListener("click", () => act(() => override(null)));
$("override-cancel").addEventListener("click", () => shut("overriding"));
$("login").addEventListener("submit", (event) => { event.preventDefault();
  act(() => ask("api/login", { name: $("login-name").value, password: $("login-password").value }).then((said) => {
    token = said.token; sessionStorage.setItem("token", token); $("login-password").value = ""; shut("logging-in"); return begin();
  }).catch((error) => { $("login-error").textContent = error.message; })); });
for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => { if (dialog.contains(document.activeElement)) document.activeElement.blur(); });
$("logging-in").addEventListener("cancel", (event) => event.preventDefault());
addEventListener("hashchange", () => location.reload());
addEventListener("pagehide", () => { if (shown && draftTimer) ask("api/draft", draft(), true).catch(() => {}); });
$("help-rows").replaceChildren(...KEYS.map(([key, does]) => { const row = make("tr"), head = make("th"); head.scope = "row"; head.append(make("kbd", key)); row.append(head, make("td", does)); return row; }));

setInterval(() => {
  if (document.hidden || !shown) return;
  const before = rowOf(shown.submission, shown.check), at = shown;
  look().then(() => {
    const row = rowOf(at.submission, at.check), version = (one) => one && (round === 2 ? one.second_version : one.version);
    if (at === shown && before && version(row) !== version(before) && version(row) !== shown.version && !conflict) {
      if (isTouched) say(`${row.by || "Somebody"} marked this answer meanwhile.`); else act(() => (at === shown ? show(at.submission, at.check) : undefined));
    }
    if ($("alarm").textContent.startsWith("The server does not answer")) say("The server answers again.");
  }).catch(trouble);
}, POLL_MS);

async function begin() {
  await look();
  const place = JSON.parse(sessionStorage.getItem("place") || "null");
  if (place && rowOf(...place)) return show(...place);
  const rows = ordered(), row = rows.find((one) => !isDone(one)) || rows[0];
  if (!row) { $("heading").textContent = "Nothing waits for a person in this run."; return undefined; }
  return show(row.submission, row.check);
}
act(begin);
