// The sandbox's page: what arrives, live; faults and switches by hand.
//
// All that the page knows is in `state`. The server's messages and the reader's hands change it and call `refresh()`;
// `render()` alone writes it into the document, once a frame at most. What came in a request is only ever put there as
// text (`textContent`, `append`), never as markup.

const API = "/_sandbox/";
const VIEWS = ["requests", "duplicates", "faults", "switches", "setup"];
const LIVE_ROWS = 200; // in the document while new ones come
const MOST_ROWS = 1000; // in the document after "Older requests"
const SHOWN_TEXT = 50_000; // characters of a body; the export has all of it
const SHOWN_BYTES = 16_384;

const state = {
  view: "requests",
  query: "",
  queryError: "",
  isLoaded: false,
  isPaused: false,
  connection: "connecting",
  instance: null, // of the sandbox's memory: another one means that everything is to be loaded anew
  newest: 0, // sequence of the newest request seen
  rows: [], // summaries, newest first
  hasOlder: false,
  waiting: [], // what came during a pause, newest first, as far as it will be shown
  waitingCount: 0,
  stats: null,
  statsAt: 0,
  isMinuteWhole: false, // whether the stats were asked for after the last second with requests had ended
  selected: null, // sequence of the request beside the list
  entry: null,
  entryError: "",
  bodyAs: "pretty",
  faults: [],
  groups: [],
  switches: [],
};

const at = (id) => document.getElementById(id);

// ---- Asking the sandbox ---------------------------------------------------------------------------------------------

class Refusal extends Error {}

async function ask(method, path, body) {
  const options = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(API + path, options);
  if (answer.status === 204) return null;
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Refusal(said.message ?? `The sandbox answered ${answer.status}`);
}

function withQuery(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

// ---- The list, loaded once and then kept up by the stream -----------------------------------------------------------

let loads = 0;
let stream = null;
let retry = 0;

async function load() {
  const turn = ++loads;
  clearTimeout(retry);
  let found;
  try {
    const wanted = { view: "summary", limit: LIVE_ROWS, q: state.query };
    // The figures first: what comes between the two is in the list, and the stream begins after the list.
    const stats = await ask("GET", "stats");
    found = await ask("GET", withQuery("requests", wanted));
    if (turn !== loads) return;
    takeStats(stats);
    if (stats.instance !== state.instance) forgetRows();
    state.instance = stats.instance;
  } catch (error) {
    if (turn === loads) notLoaded(error);
    return;
  }
  // Not before: while a search is wrong the list of the one before goes on.
  stream?.close();
  const rows = found.requests.reverse();
  Object.assign(state, { rows, isLoaded: true, queryError: "", waiting: [], waitingCount: 0, isPaused: false });
  state.hasOlder = rows.length === LIVE_ROWS;
  state.newest = rows[0]?.sequence ?? 0;
  openStream();
  lookAtFaults();
  if (state.view === "switches") lookAtSwitches();
  refresh();
}

function notLoaded(error) {
  if (error instanceof Refusal) {
    state.queryError = error.message.replace(/^q: /, ""); // a parameter's name, which the box has not
  } else {
    state.connection = "lost";
    retry = setTimeout(load, 1000);
  }
  refresh();
}

function openStream() {
  stream = new EventSource(API + withQuery("stream", { q: state.query, after: state.newest }));
  const on = (name, take) => stream.addEventListener(name, (event) => take(event.data ? JSON.parse(event.data) : null));
  stream.onopen = () => connected("live");
  stream.onerror = (event) => {
    connected("lost");
    // The browser comes back by itself with the id of the last message, unless it was told no.
    if (event.target.readyState === EventSource.CLOSED) retry = setTimeout(load, 1000);
  };
  on("hello", (hello) => (hello.instance === state.instance ? connected("live") : load()));
  on("reset", load);
  on("requests", takeRequests);
  on("stats", takeStats);
  on("cleared", () => Object.assign(state, { rows: [], waiting: [], waitingCount: 0, hasOlder: false }) && refresh());
  on("faults", lookAtFaults);
  on("switches", lookAtSwitches);
}

function connected(how) {
  if (how !== state.connection) say(how === "live" ? "Connected" : "Connection lost");
  state.connection = how;
  refresh();
}

function takeRequests({ requests, skipped }) {
  const news = requests.filter((row) => row.sequence > state.newest).reverse();
  if (!news.length) return;
  state.newest = news[0].sequence;
  announce(news);
  if (state.isPaused) {
    state.waitingCount += news.length + skipped;
    state.waiting = [...news, ...(skipped ? [] : state.waiting)].slice(0, LIVE_ROWS);
  } else {
    // After a gap the older rows would look like the neighbours that they are not.
    prepend(news, skipped > 0);
  }
  refresh();
}

function prepend(news, isAfterGap) {
  const all = isAfterGap ? news : [...news, ...state.rows];
  state.hasOlder ||= isAfterGap || all.length > LIVE_ROWS;
  state.rows = all.slice(0, LIVE_ROWS);
}

function takeStats(stats, isWhole = false) {
  Object.assign(state, { stats, statsAt: performance.now(), isMinuteWhole: isWhole });
  refresh();
}

// Many changes make one look: the next one begins only after the one before has ended, and a moment later.
function looker(path, name) {
  let isLooking = false;
  let isWanted = false;
  return async function look() {
    isWanted = true;
    if (isLooking) return;
    isLooking = true;
    while (isWanted) {
      isWanted = false;
      // Where the connection is lost that is shown already, and its return looks again.
      const found = await ask("GET", path).catch(() => null);
      if (found) state[name] = found[name];
      refresh();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    isLooking = false;
  };
}

const lookAtFaults = looker("faults?all=true", "faults");
const lookAtSwitches = looker("switches", "switches");
const lookAtDuplicates = looker("duplicates", "groups");

function pause(isPaused) {
  state.isPaused = isPaused;
  if (!isPaused) {
    if (state.rows.length === MOST_ROWS) load(); // the newest may have made room for older ones
    else prepend(state.waiting, state.waitingCount > state.waiting.length);
    Object.assign(state, { waiting: [], waitingCount: 0 });
    at("list").scrollTop = 0;
  }
  refresh();
}

async function loadOlder() {
  const last = state.rows.at(-1);
  if (!last) return;
  // Older rows and new ones at once would make the list jump, so new ones wait.
  pause(true);
  const turn = loads;
  const wanted = { view: "summary", limit: LIVE_ROWS, before: last.sequence, q: state.query };
  const older = (await ask("GET", withQuery("requests", wanted))).requests.reverse();
  if (turn !== loads) return;
  state.hasOlder = older.length === LIVE_ROWS;
  state.rows = [...state.rows, ...older].slice(-MOST_ROWS);
  refresh();
}

let typing = 0;

function search(text, { after = 0 } = {}) {
  clearTimeout(typing);
  typing = setTimeout(() => {
    if (text === state.query && !state.queryError) return;
    state.query = text;
    history.replaceState(null, "", withQuery("/", { q: text }) + location.hash);
    load();
  }, after);
}

// ---- What the address says: the view, the request, the search -------------------------------------------------------

function readAddress() {
  const [view, sequence] = location.hash.slice(1).split("=");
  if (view === "request" && /^\d+$/.test(sequence)) openRequest(Number(sequence));
  else if (VIEWS.includes(view) || !view) {
    Object.assign(state, { view: view || "requests", selected: null, entry: null });
  }
  if (state.view === "duplicates") lookAtDuplicates();
  if (state.view === "switches") lookAtSwitches();
  refresh();
}

async function openRequest(sequence) {
  Object.assign(state, { view: "requests", selected: sequence, entryError: "" });
  try {
    const entry = await ask("GET", `requests/${sequence}`);
    if (state.selected === sequence) state.entry = entry;
  } catch (error) {
    if (state.selected === sequence) Object.assign(state, { entry: null, entryError: error.message });
  }
  refresh();
}

function closeRequest() {
  const sequence = state.selected;
  history.pushState(null, "", withQuery("/", { q: state.query }) + "#requests");
  readAddress();
  drawn.get(sequence)?.querySelector("a").focus();
}

// ---- From the state into the document -------------------------------------------------------------------------------

let frame = 0;

function refresh() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    render();
  });
}

const shown = new Map();

// Draws a part again only when what it shows has become something else.
function when(name, values, draw) {
  const before = shown.get(name);
  if (before && values.every((value, place) => value === before[place])) return;
  shown.set(name, values);
  draw();
}

function render() {
  when("view", [state.view, state.rows.length || state.query, state.isLoaded], renderViews);
  when("connection", [state.connection, state.isPaused], renderConnection);
  when("stats", [state.stats], renderFigures);
  when("chart", [state.stats, secondsSinceStats()], renderChart);
  when("query", [state.query, state.queryError], renderQuery);
  when("facets", [state.stats, state.query], renderFacets);
  when("meanwhile", [state.isPaused, state.waitingCount], renderMeanwhile);
  when("rows", [state.rows, state.selected], renderRows);
  when("around", [state.rows, state.hasOlder, state.isLoaded, state.query, state.queryError], renderAround);
  when("detail", [state.selected, state.entry, state.entryError], renderDetail);
  when("body", [state.entry, state.entryError, state.bodyAs], renderBody);
  when("faults", [state.faults], renderFaults);
  when("groups", [state.groups], renderDuplicates);
  when("switches", [state.switches], renderSwitches);
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const button = (content, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, ...[content].flat());

// While the same things are shown their elements stay, so that a focus or a click in the middle of it is not lost.
function keepUp(box, things, key, draw, update) {
  const keys = JSON.stringify(things.map((thing) => thing[key]));
  if (box.dataset.keys !== keys) {
    box.dataset.keys = keys;
    box.replaceChildren(...things.map(draw));
  }
  things.forEach((thing, place) => update(box.children[place], thing));
}

// Its address serves for a new tab and for copying; a click stays on the page.
function drawSearch(text, query) {
  const go = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!at("list").checkVisibility()) closeRequest();
    search(query);
  };
  return make("a", { href: withQuery("/", { q: query }), onclick: go }, text);
}

const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
const number = new Intl.NumberFormat("en").format;
const many = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function clock(seconds) {
  const date = new Date(seconds * 1000);
  return date.toLocaleTimeString("en-GB") + "." + String(date.getMilliseconds()).padStart(3, "0");
}

function renderViews() {
  const isEmpty = state.isLoaded && !state.rows.length && !state.query && !state.selected;
  for (const view of VIEWS) {
    at(`view-${view}`).hidden = view !== state.view;
    const link = document.querySelector(`nav a[href="#${view}"]`);
    if (view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  // An empty list says how to fill it.
  if (isEmpty && state.view === "requests") at("view-setup").hidden = false;
  at("list").hidden = isEmpty;
  const name = document.querySelector(`nav a[href="#${state.view}"]`).firstChild.data.trim();
  document.title = state.view === "requests" ? "Sandbox" : `${name} · Sandbox`;
}

function renderConnection() {
  const how = state.connection === "live" && state.isPaused ? "paused" : state.connection;
  at("connection").dataset.state = how;
  at("connection").textContent = { connecting: "Connecting", live: "Live", paused: "Paused", lost: "Reconnecting" }[how];
}

function renderFigures() {
  if (!state.stats) return;
  at("accepted").textContent = number(state.stats.accepted);
  at("refused").textContent = number(state.stats.refused);
  at("tokens").textContent = number(state.stats.token_requests);
}

const secondsSinceStats = () => Math.floor((performance.now() - state.statsAt) / 1000);

function renderChart() {
  if (!state.stats) return;
  // The server says nothing where nothing changes: the seconds since then had no requests.
  const since = Math.min(60, secondsSinceStats());
  const counts = [...state.stats.per_second.slice(since), ...Array(since).fill(0)];
  const peak = Math.max(...counts);
  at("chart").replaceChildren(...counts.map((count, place) => drawBar(place, count / Math.max(peak, 5))));
  const now = counts.at(-1);
  at("rate").textContent = number(now);
  const text = `Requests in each of the last 60 seconds: now ${now}, at most ${peak}`;
  at("chart").setAttribute("aria-label", peak ? text : "No request in the last minute");
}

function drawBar(place, part) {
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const height = part && Math.max(1, part * 20);
  const sizes = { x: place + 0.1, y: 20 - height, width: 0.8, height };
  for (const [name, value] of Object.entries(sizes)) rect.setAttribute(name, value);
  return rect;
}

function renderQuery() {
  if (document.activeElement !== at("q")) at("q").value = state.query;
  at("query-error").textContent = state.queryError;
  at("q").setAttribute("aria-invalid", String(Boolean(state.queryError)));
  at("export").href = API + withQuery("export", { q: state.query });
  at("export-payloads").href = API + withQuery("export", { view: "payloads", q: state.query });
}

function renderFacets() {
  const { by_event: events = {}, by_status: statuses = {} } = state.stats ?? {};
  const chips = [
    ...Object.entries(statuses).map(([status, count]) => ({ name: status, count, term: `status:${status}` })),
    ...Object.entries(events).slice(0, 8).map(([name, count]) => ({ name, count, term: `event=${quoted(name)}` })),
  ];
  keepUp(at("facets"), chips, "term", drawFacet, (button, chip) => {
    button.setAttribute("aria-pressed", String(state.query === chip.term));
    button.lastChild.textContent = number(chip.count);
  });
}

function drawFacet({ name, term }) {
  const toggle = () => search(state.query === term ? "" : term);
  const parts = [make("span", { class: "cut" }, name), " ", make("span", { class: "count" })];
  return button(parts, toggle, { class: "chip" });
}

function renderMeanwhile() {
  at("pause").textContent = state.isPaused ? "Go on" : "Pause";
  at("meanwhile").hidden = !state.isPaused;
  at("meanwhile-text").textContent = `Paused. ${many(state.waitingCount, "request")} came meanwhile.`;
}

function renderAround() {
  const isNothing = state.isLoaded && !state.rows.length && Boolean(state.query) && !state.queryError;
  at("nothing").hidden = !isNothing;
  at("nothing").textContent = `Nothing kept matches ${state.query}`;
  at("table").hidden = !state.rows.length;
  at("older").hidden = !state.hasOlder || !state.rows.length;
}

// ---- The list's rows, each made once and kept while it is in the list -----------------------------------------------

const drawn = new Map();

function renderRows() {
  const body = at("rows");
  const fresh = state.rows.filter((row) => !drawn.has(row.sequence)).length;
  let place = body.firstChild;
  for (const row of state.rows) {
    const element = drawn.get(row.sequence) ?? drawRow(row, drawn.size > 0 && fresh <= 5);
    if (element === place) place = place.nextSibling;
    else body.insertBefore(element, place);
    const link = element.querySelector("a");
    if (row.sequence === state.selected) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  while (place) {
    const next = place.nextSibling;
    drawn.delete(place.sequence);
    place.remove();
    place = next;
  }
}

// Another memory gives the same numbers to other requests.
function forgetRows() {
  drawn.clear();
  at("rows").replaceChildren();
  if (state.instance !== null && state.selected !== null) openRequest(state.selected);
}

function drawRow(row, isSignalled) {
  const element = at("row").content.cloneNode(true).firstElementChild;
  const cell = (name) => element.querySelector(`.c-${name}`);
  const answer = answerOf(row);
  element.dataset.answer = answer.kind;
  element.classList.toggle("is-new", isSignalled);
  element.querySelector(".sign").textContent = answer.sign;
  element.querySelector(".status").textContent = row.status ?? "none";
  element.querySelector(".outcome").textContent = `, ${answer.text}`;
  const link = element.querySelector("a");
  link.href = `#request=${row.sequence}`;
  link.textContent = row.sequence;
  link.setAttribute("aria-label", [row.sequence, answer.text, nameOf(row), contactOf(row) || "no contact"].join(", "));
  cell("event").textContent = nameOf(row);
  cell("event").classList.toggle("is-raw", row.event === null);
  cell("contact").textContent = contactOf(row) || "–";
  if (row.is_duplicate) cell("notes").append(make("span", { class: "note" }, "duplicate"), " ");
  const others = row.findings - Number(row.is_duplicate); // which is a finding too
  if (others > 0) cell("notes").append(make("span", { class: "note is-odd" }, many(others, "finding")));
  cell("size").textContent = size(row.size);
  element.querySelector("time").textContent = clock(row.received_at);
  element.querySelector("time").dateTime = new Date(row.received_at * 1000).toISOString();
  element.sequence = row.sequence;
  drawn.set(row.sequence, element);
  return element;
}

// An event that counts although its answer does not say so is what a client cannot know: it has a sign of its own.
function answerOf({ is_taken: isTaken, status, error_code: code }) {
  if (!isTaken) return { kind: "refused", sign: "✕", text: `refused${code ? ` with code ${code}` : ""}` };
  if (status === null) return { kind: "unsaid", sign: "◐", text: "taken, but not answered" };
  if (status >= 300) return { kind: "unsaid", sign: "◐", text: `taken, but answered ${status}` };
  return { kind: "accepted", sign: "✓", text: "accepted" };
}

const nameOf = (row) => row.event ?? "raw";
const contactOf = (row) => row.email || row.phone;

// ---- One request ----------------------------------------------------------------------------------------------------

function renderDetail() {
  const detail = at("detail");
  const isOpen = state.selected !== null;
  detail.hidden = !isOpen;
  at("panes").classList.toggle("is-open", isOpen);
  // While the next one is on its way the one before stays, so that nothing flickers.
  if (!isOpen) detail.replaceChildren();
  else if (state.entryError || state.entry?.sequence === state.selected) fillDetail(detail);
}

let wantsFocus = false;

function fillDetail(detail) {
  const hadFocus = detail.contains(document.activeElement);
  detail.replaceChildren(...(state.entryError ? drawMissing() : drawEntry(state.entry)));
  detail.scrollTop = 0;
  if (hadFocus || wantsFocus) at("detail-title").focus();
  wantsFocus = false;
}

function drawTop(title, ...more) {
  const close = button("✕", closeRequest, { class: "quiet round", "aria-label": "Close", title: "Close (Esc)" });
  return make("header", {}, make("h2", { id: "detail-title", tabindex: "-1" }, title), ...more, close);
}

const drawMissing = () => [drawTop(`Request ${state.selected}`), make("p", { class: "nothing" }, state.entryError)];

function drawEntry(entry) {
  const answer = answerOf(entry);
  const badge = make("span", { class: "badge", "data-answer": answer.kind }, `${answer.sign} ${entry.status ?? "none"}`);
  return [
    drawTop(`${entry.sequence} · ${nameOf(entry)}`, badge),
    make("p", { class: "actions" }, ...drawActions(entry)),
    drawFacts(entry, answer),
    ...drawFindings(entry),
    drawBody(entry),
    drawHeaders(entry),
    drawSnippet("curl", entry.curl),
    drawSnippet("Python", entry.python),
  ];
}

function drawActions(entry) {
  return [
    button("Copy as curl", () => copy(entry.curl, "curl")),
    button("Copy as Python", () => copy(entry.python, "Python")),
    button("Replay", () => replay({ sequences: [entry.sequence] })),
  ];
}

function drawFacts(entry, answer) {
  const rows = [
    ["Answer", `${entry.status ?? "none"}, ${answer.text}`],
    ["Time", `${new Date(entry.received_at * 1000).toLocaleDateString("en-CA")} ${clock(entry.received_at)}`],
    ["Request", `${entry.method} ${entry.path}`],
    ["Type", entry.content_type ?? "none given"],
  ];
  if (entry.email) rows.push(["E-mail", drawSearch(entry.email, `email=${quoted(entry.email)}`)]);
  if (entry.phone) rows.push(["Phone", drawSearch(entry.phone, `phone=${quoted(entry.phone)}`)]);
  if (entry.same?.length) rows.push(["Same as", drawLinks(entry.same)]);
  const line = ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
  return make("dl", { class: "facts" }, ...rows.map(line));
}

function drawLinks(sequences, most = 12) {
  const links = sequences.slice(0, most).flatMap((one) => [make("a", { href: `#request=${one}` }, String(one)), " "]);
  const rest = sequences.length - most;
  return make("span", {}, ...links, ...(rest > 0 ? [`and ${number(rest)} more`] : []));
}

function drawFindings({ findings: found = [] }) {
  if (!found.length) return [];
  const line = ({ field, text }) => make("li", {}, ...(field ? [make("code", {}, field), " "] : []), text);
  return [make("h3", {}, "Findings"), make("ul", { class: "findings" }, ...found.map(line))];
}

function drawHeaders(entry) {
  const line = ([name, text]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, text));
  const table = make("table", { class: "headers" }, make("tbody", {}, ...entry.headers.map(line)));
  return make("details", { open: "" }, make("summary", {}, `Headers (${entry.headers.length})`), table);
}

function drawSnippet(name, text) {
  const pre = make("pre", { tabindex: "0", role: "region", "aria-label": `The request as ${name}` }, text);
  return make("details", {}, make("summary", {}, `As ${name}`), pre);
}

const BODIES = { pretty: "Pretty", text: "As sent", bytes: "Bytes" };

function drawBody(entry) {
  const choice = ([as, label]) => {
    const input = make("input", { type: "radio", name: "body-as", value: as });
    input.checked = as === state.bodyAs;
    input.addEventListener("change", () => refresh((state.bodyAs = as)));
    return make("label", {}, input, label);
  };
  const legend = make("legend", {}, `Body, ${size(bytesOf(entry).length)}`);
  const choices = make("fieldset", { class: "segments" }, legend, ...Object.entries(BODIES).map(choice));
  const pre = make("pre", { class: "body", id: "body", tabindex: "0", role: "region", "aria-label": "Body" });
  return make("div", { class: "body-part" }, choices, pre);
}

function renderBody() {
  if (state.entry) at("body")?.replaceChildren(...bodyParts(state.entry));
}

function bodyParts(entry) {
  if (state.bodyAs === "bytes") return [hexOf(bytesOf(entry))];
  const isForm = /form/.test(entry.content_type ?? "");
  const isPretty = state.bodyAs === "pretty" && entry.payload !== null;
  const text = isPretty && isForm ? JSON.stringify(entry.payload) : entry.body;
  const part = text.slice(0, SHOWN_TEXT);
  const rest = text.length - part.length;
  const note = rest > 0 ? `\n… ${number(rest)} characters more: the export has them` : "";
  return [isPretty ? drawPretty(part) : part || "(empty)", note];
}

const TOKEN = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/g;

// From the text as it was sent: parsing would round long numbers, sort keys and drop the doubled ones.
function drawPretty(text) {
  const tokens = text.match(TOKEN) ?? [];
  const laidOut = new DocumentFragment();
  let depth = 0;
  const newLine = () => laidOut.append("\n" + "  ".repeat(Math.min(depth, 40)));
  tokens.forEach((token, place) => {
    const isClosing = token === "}" || token === "]";
    const isEmpty = isClosing && "{[".includes(tokens[place - 1] ?? " ");
    if (isClosing) depth -= 1;
    if (isClosing && !isEmpty) newLine();
    laidOut.append(drawToken(token, tokens[place + 1] === ":"));
    if (token === "{" || token === "[") depth += 1;
    if ("{[,".includes(token) && !"}]".includes(tokens[place + 1] ?? " ")) newLine();
  });
  return laidOut;
}

function drawToken(token, isKey) {
  if (token === ":") return ": ";
  if ("{}[],".includes(token)) return token;
  const kind = isKey ? "key" : token.startsWith('"') ? "string" : "literal";
  return make("span", { class: `j-${kind}` }, token);
}

const bytesOf = (entry) => Uint8Array.from(atob(entry.body_base64), (character) => character.charCodeAt(0));

function hexOf(bytes) {
  const lines = [];
  for (let start = 0; start < Math.min(bytes.length, SHOWN_BYTES); start += 16) {
    const line = [...bytes.subarray(start, start + 16)];
    const hex = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = line.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${start.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > SHOWN_BYTES) lines.push(`… ${number(bytes.length - SHOWN_BYTES)} bytes more: the export has them`);
  return lines.join("\n") || "(empty)";
}

// ---- Duplicates -----------------------------------------------------------------------------------------------------

function renderDuplicates() {
  const line = (group) =>
    make(
      "tr",
      {},
      make("td", { class: "n" }, number(group.count)),
      make("td", {}, nameOf(group)),
      make("td", {}, contactOf(group) || "–"),
      make("td", {}, drawLinks(group.sequences)),
    );
  at("duplicate-table").tBodies[0].replaceChildren(...state.groups.map(line));
  at("duplicate-table").hidden = !state.groups.length;
  at("no-duplicates").hidden = state.groups.length > 0;
}

// ---- Faults ---------------------------------------------------------------------------------------------------------

const PRESETS = {
  "429, wait 2 s": { status: "429", retry_after: "2" },
  "A 500 page": { status: "500" },
  "502 once in five": { status: "502", probability: "0.2", times: "" },
  "Slow, 3 s": { delay: "3" },
  "No answer": { drop: "hang" },
  Reset: { drop: "reset" },
  "Half an answer": { drop: "cut" },
  "Expired token": { token: "expired", door: "name" },
};

function fillPresets() {
  const chip = ([name, fields]) => button(name, () => fillFault(fields), { class: "chip" });
  at("presets").replaceChildren(...Object.entries(PRESETS).map(chip));
}

function fillFault(fields) {
  at("fault").reset();
  for (const [name, text] of Object.entries(fields)) at("fault").elements[name].value = text;
}

// What is no number, no object and no header goes as it is: the sandbox says what it wanted instead.
const NUMBERS = ["status", "retry_after", "delay", "times", "every", "probability", "seed"];
const READERS = { body: objectOrText, headers: pairsOf, taken: (text) => text === "true" };

function faultOf(form) {
  const fault = { times: null };
  for (const [name, text] of new FormData(form)) {
    const read = NUMBERS.includes(name) ? numberOrText : READERS[name] ?? String;
    if (text !== "") fault[name] = read(text);
  }
  return fault;
}

function numberOrText(text) {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function objectOrText(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

// Of headers, one a line as on the wire.
function pairsOf(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return lines.map((line) => /^([^:]*):?(.*)$/.exec(line).slice(1).map((part) => part.trim()));
}

async function addFault(event) {
  event.preventDefault();
  const form = at("fault");
  try {
    await ask("POST", "faults", faultOf(form));
  } catch (error) {
    return faultError(error.message);
  }
  faultError("");
  toast("The fault is in play");
  return lookAtFaults();
}

function faultError(text) {
  const form = at("fault");
  at("fault-error").textContent = text;
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  const field = form.elements[/^\w+/.exec(text)?.[0] ?? ""];
  if (!field?.setAttribute) return;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function renderFaults() {
  const inPlay = state.faults.filter((fault) => !fault.is_over).length;
  at("fault-count").hidden = !inPlay;
  at("fault-count").textContent = inPlay;
  at("no-faults").hidden = state.faults.length > 0;
  at("clear-faults").hidden = !state.faults.length;
  keepUp(at("fault-list"), state.faults, "id", drawFault, (line, fault) => {
    line.classList.toggle("is-over", Boolean(fault.is_over));
    line.querySelector(".match").textContent = matchOf(fault);
    line.querySelector(".count").textContent = `played ${number(fault.played)}${fault.is_over ? ", over" : ""}`;
  });
}

function drawFault(fault) {
  const text = effectOf(fault);
  const name = `Take out of play: ${text}`;
  const takeOut = () => attempt(() => ask("DELETE", `faults/${fault.id}`), "Taken out of play").then(lookAtFaults);
  return make(
    "li",
    {},
    make("p", {}, make("strong", {}, text), make("span", { class: "match" })),
    make("span", { class: "count" }),
    button("✕", takeOut, { class: "quiet round", "aria-label": name, title: name }),
  );
}

function effectOf(fault) {
  const parts = [];
  if (fault.token) parts.push(`token ${fault.token}`);
  if (fault.status) parts.push(`${fault.status}`);
  if (fault.retry_after !== null) parts.push(`Retry-After ${fault.retry_after} s`);
  if (fault.delay) parts.push(`after ${fault.delay} s`);
  if (fault.drop) parts.push({ reset: "reset", close: "closed", cut: "half an answer", hang: "no answer" }[fault.drop]);
  if (fault.body !== null) parts.push("own body");
  if (fault.headers.length) parts.push(`with ${fault.headers.map(([name]) => name).join(", ")}`);
  if (fault.taken !== null) parts.push(fault.taken ? "taken" : "not taken");
  return parts.join(", ");
}

function matchOf(fault) {
  const parts = [];
  if (fault.door) parts.push({ raw: "raw door", name: "by name", token: "tokens" }[fault.door]);
  if (fault.event) parts.push(fault.event);
  if (fault.email) parts.push(fault.email);
  if (fault.where) parts.push(`where ${fault.where}`);
  if (!parts.length) parts.push("any event");
  if (fault.every) parts.push(`one in ${fault.every}`);
  if (fault.probability) parts.push(`probability ${fault.probability}`);
  if (fault.seed !== null) parts.push(`seed ${fault.seed}`);
  if (!fault.is_over) parts.push(fault.times === null ? "for ever" : many(fault.times, "more time"));
  return parts.join(" · ");
}

// ---- Switches -------------------------------------------------------------------------------------------------------

const CERTAINTY = { S: "sure", L: "likely", G: "a guess" };

function renderSwitches() {
  keepUp(at("switch-list"), state.switches, "name", drawSwitch, (line, one) => {
    const [input, value] = [line.querySelector("input"), JSON.stringify(one.value)];
    if (line.dataset.value === value) return; // what is being typed stays
    line.dataset.value = value;
    if (isYesNo(one)) input.checked = one.value;
    else input.value = switchText(one.value);
    line.classList.toggle("is-changed", value !== JSON.stringify(one.default));
  });
}

function drawSwitch(one) {
  const id = `switch-${one.name}`;
  const input = switchInput(one, id);
  input.addEventListener("change", () => setSwitches({ [one.name]: switchValue(one, input) }));
  return make(
    "li",
    {},
    make("label", { for: id }, one.label, " ", make("code", {}, one.name)),
    make("span", { class: "certainty", "data-certainty": one.certainty }, CERTAINTY[one.certainty]),
    input,
    make("span", { class: "default" }, `default ${switchText(one.default) || "none"}`),
  );
}

const isYesNo = (one) => typeof one.default === "boolean";
const isNames = (one) => one.name.startsWith("known_");

function switchText(value) {
  if (typeof value === "boolean") return value ? "on" : "off";
  return [value ?? ""].flat().join(", ");
}

function switchInput(one, id) {
  if (isYesNo(one)) return make("input", { id, type: "checkbox", role: "switch" });
  return make("input", { id, placeholder: isNames(one) ? "every one" : "none", autocomplete: "off" });
}

function switchValue(one, input) {
  if (isYesNo(one)) return input.checked;
  const text = input.value.trim();
  if (text === "") return null;
  if (isNames(one)) return text.split(",").map((name) => name.trim()).filter(Boolean);
  return numberOrText(text);
}

async function setSwitches(changes) {
  const set = async () => (state.switches = (await ask("PATCH", "switches", changes)).switches);
  await attempt(set, "Switched");
  // A value that was refused goes back to what it is.
  for (const name of Object.keys(changes)) delete at(`switch-${name}`).parentElement.dataset.value;
  state.switches = [...state.switches];
  refresh();
}

// ---- What the reader does -------------------------------------------------------------------------------------------

async function attempt(work, done) {
  try {
    const result = await work();
    toast(typeof done === "function" ? done(result) : done);
  } catch (error) {
    toast(error instanceof Refusal ? error.message : "The sandbox does not answer");
  }
}

function replay(which) {
  const done = ({ replayed, accepted, refused }) =>
    `Replayed ${many(replayed, "request")}: ${number(accepted)} accepted, ${number(refused)} refused`;
  return attempt(() => ask("POST", "replay", which), done);
}

async function copy(text, name) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied${name ? ` as ${name}` : ""}`);
  } catch {
    toast("This browser does not let the page copy; select the text instead");
  }
}

function sure(question, yes, then) {
  at("sure-text").textContent = question;
  at("sure-yes").textContent = yes;
  at("sure").returnValue = "no";
  at("sure").addEventListener("close", () => at("sure").returnValue === "yes" && then(), { once: true });
  at("sure").showModal();
}

function replayAll() {
  const what = state.query ? `what matches ${state.query}` : "all that is kept";
  sure(`Let ${what} come in again, up to 1,000 requests?`, "Replay", () => replay({ q: state.query }));
}

function clearAll() {
  sure("Forget all that arrived? Faults, switches and tokens stay.", "Clear", () =>
    attempt(() => ask("DELETE", "events"), "Cleared"),
  );
}

let toastEnds = 0;

function toast(text) {
  at("toast").textContent = text;
  clearTimeout(toastEnds);
  toastEnds = setTimeout(() => (at("toast").textContent = ""), 5000);
}

// A screen reader hears counts, and not more often than it can say them.
let unsaid = { accepted: 0, refused: 0 };
let saying = 0;

function announce(news) {
  for (const row of news) unsaid[row.is_taken ? "accepted" : "refused"] += 1;
  saying ||= setTimeout(() => {
    say(`${many(unsaid.accepted, "new event")} accepted, ${number(unsaid.refused)} refused`);
    unsaid = { accepted: 0, refused: 0 };
    saying = 0;
  }, 5000);
}

const say = (text) => (at("announcer").textContent = text);

// ---- Keys -----------------------------------------------------------------------------------------------------------

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  p: () => pause(!state.isPaused),
  "/": () => at("q").focus(),
  "?": () => at("help").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isTyping = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select");
  if (event.key === "Escape") return leave(event, isTyping);
  if (isTyping || !at("keys").checked || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
}

function leave(event, field) {
  event.preventDefault(); // a search field would be emptied
  if (field) field.blur();
  else if (state.selected !== null) closeRequest();
}

function step(by) {
  if (state.view !== "requests") return;
  const focused = document.activeElement.closest("#rows tr")?.sequence ?? state.selected;
  const place = state.rows.findIndex((row) => row.sequence === focused);
  const next = state.rows[place < 0 ? 0 : place + by];
  if (!next) return;
  const link = drawn.get(next.sequence).querySelector("a");
  link.focus();
  // Where a request is open the next one opens as one goes along; each is no step of the browser's own history.
  if (state.selected !== null) {
    history.replaceState(null, "", link.hash);
    openRequest(next.sequence);
  }
}

// A browser that keeps nothing for pages throws at the mere name.
function remember(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // Then it holds until the page is left.
  }
}

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

// ---- Begin ----------------------------------------------------------------------------------------------------------

function listen() {
  const on = (id, name, call) => at(id).addEventListener(name, call);
  on("q", "input", () => search(at("q").value.trim(), { after: 200 }));
  on("search", "submit", (event) => event.preventDefault() || search(at("q").value.trim()));
  on("pause", "click", () => pause(!state.isPaused));
  on("resume", "click", () => pause(false) || at("pause").focus());
  on("older", "click", () => loadOlder().catch(() => toast("The sandbox does not answer")));
  on("replay", "click", replayAll);
  on("clear", "click", clearAll);
  on("fault", "submit", addFault);
  on("fault", "reset", () => faultError(""));
  on("clear-faults", "click", () => attempt(() => ask("DELETE", "faults"), "No fault is in play").then(lookAtFaults));
  on("revoke", "click", () => attempt(() => ask("DELETE", "tokens"), "No token opens any more"));
  on("limits", "click", () => setSwitches({ requests_per_second: 10, requests_per_minute: 1000 }));
  on("no-limits", "click", () => setSwitches({ requests_per_second: null, requests_per_minute: null }));
  on("help-button", "click", () => at("help").showModal());
  on("skip", "click", (event) => event.preventDefault() || at("content").focus());
  on("keys", "change", () => remember("keys", at("keys").checked ? "on" : "off"));
  on("rows", "click", (event) => event.target.closest("a") || event.target.closest("tr").querySelector("a").click());
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(at(button.dataset.copy).textContent));
  }
  addEventListener("keydown", onKey);
  addEventListener("hashchange", () => {
    wantsFocus = location.hash.startsWith("#request=");
    readAddress();
  });
}

function tick() {
  if (!state.stats) return;
  refresh(); // the chart moves on
  if (state.view === "duplicates" && !state.isMinuteWhole) lookAtDuplicates();
  if (state.view === "faults" && !state.isMinuteWhole) lookAtFaults(); // how often each was played
  // The server says nothing where nothing changes, so the last second with requests may be missing.
  if (!state.isMinuteWhole && secondsSinceStats() >= 1) {
    ask("GET", "stats").then((stats) => takeStats(stats, true), () => {});
  }
}

at("keys").checked = remembered("keys") !== "off";
state.query = new URLSearchParams(location.search).get("q") ?? "";
fillPresets();
listen();
readAddress();
load();
setInterval(tick, 1000);
