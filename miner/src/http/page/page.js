// The status page: asks for the status once a second and shows it. Whatever comes from elsewhere (workers, pools,
// nodes) is set as text, never as markup.
"use strict";

const EVERY = 1000;
const SAMPLES = 900;
const LINES = 200;

const at = (id) => document.getElementById(id);
let lastEvent = 0;
let samples = [];

// ---- words ----

function withUnit(value, unit) {
  const steps = ["", "k", "M", "G", "T", "P", "E"];
  let step = 0;
  while (value >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${step === 0 ? Math.round(value) : value.toPrecision(3)} ${steps[step]}${unit}`;
}

const hashrate = (value) => withUnit(value, "H/s");

function number(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(3);
  return String(Number(value.toFixed(4)));
}

function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([length]) => seconds >= length);
  if (first < 0) return "0 s";
  const [[length, unit], next] = [parts[first], parts[first + 1]];
  const whole = `${Math.floor(seconds / length)} ${unit}`;
  return next ? `${whole} ${Math.floor((seconds % length) / next[0])} ${next[1]}` : whole;
}

const clock = (time) => new Date(time * 1000).toLocaleTimeString([], { hour12: false });
const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);
const each = (counts) => Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ");

// ---- elements ----

function say(id, text) {
  const element = at(id);
  if (element.textContent !== text) element.textContent = text;
}

// cells: texts, or [text, class].
function row(cells, kind = "", heading = false) {
  const tr = document.createElement("tr");
  if (kind) tr.className = kind;
  cells.forEach((cell, index) => {
    const [text, style] = Array.isArray(cell) ? cell : [cell, ""];
    const td = document.createElement(heading && index === 0 ? "th" : "td");
    if (style) td.className = style;
    td.textContent = text ?? "–";
    if (style === "hash") td.title = text;
    tr.append(td);
  });
  return tr;
}

function rows(id, all, nothing, columns) {
  if (all.length === 0) {
    const tr = row([[nothing, "empty"]]);
    tr.firstChild.colSpan = columns;
    all = [tr];
  }
  // Unchanged rows stay, so that what is selected stays selected.
  const body = at(id);
  const same = body.children.length === all.length && all.every((tr, index) => tr.isEqualNode(body.children[index]));
  if (!same) body.replaceChildren(...all);
}

// ---- the parts ----

function showHealth(status) {
  at("health").dataset.health = status.health;
  const good = status.hashrate?.miners === undefined ? "mining" : "serving";
  say("health", status.health === "ok" ? good : status.health);
  document.body.classList.remove("gone");
}

function showFigures(status) {
  const { hashrate: rate, summary } = status;
  const current = rate.hs_10s ?? rate.hs_60s;
  say("version", status.version);
  say("rate-label", rate.hs_10s === undefined ? "hashrate, 60 s" : "hashrate, 10 s");
  say("rate", hashrate(current));
  say("rates", rate.hs_15m === undefined ? "" : `60 s ${hashrate(rate.hs_60s)} · 15 min ${hashrate(rate.hs_15m)}`);
  say("accepted", String(summary.accepted));
  say("accepted-of", `of ${summary.found} found`);
  say("block-count", String(sum(status.blocks_by_result)));
  say("block-results", each(status.blocks_by_result));
  say("best", number(summary.best_difficulty));
  say("best-of", status.job ? `of ${number(status.job.difficulty)} for a block` : "");
  say("uptime", duration(summary.seconds));
  say("hashes", withUnit(rate.hashes, " hashes"));
  document.title = `${hashrate(current)} – miner`;
}

const NAMES = {
  url: "at", chain: "chain", height: "started at height", payout: "payout", version_mask: "version mask",
  resumed: "session resumed", reason: "reason", difficulty: "share difficulty", block_difficulty: "block difficulty",
};
const OF_JOB = {
  height: "block wanted", transactions: "transactions", difficulty: "difficulty", share_difficulty: "share difficulty",
  reward: "reward, BTC", job: "job",
};

function facts(event, names) {
  const shown = (value) => (typeof value === "number" ? number(value) : String(value));
  return Object.keys(names)
    .filter((name) => event?.[name] !== undefined && event[name] !== null)
    .map((name) => row([names[name], shown(event[name])], "", true));
}

function showUpstream({ upstream, connected, job, started, hashrate: rate }) {
  say("upstream-title", rate.miners === undefined ? "Upstream" : "This pool");
  const alone = connected ? "connected" : upstream ? "gone" : "not there yet";
  const state = rate.miners === undefined ? alone : `${rate.miners} ${rate.miners === 1 ? "miner" : "miners"} connected`;
  const first = row(["state", [state, connected ? "good" : "warn"]], "", true);
  rows("upstream", [first, ...facts(upstream, NAMES), ...facts(job, OF_JOB)], "", 2);
  const on = ({ threads }) => (threads ? ` on ${threads} ${threads === 1 ? "thread" : "threads"}` : "");
  say("what", started.length ? started.map((it) => `${it.device}${on(it)} (${it.choice})`).join(", ") : "a pool");
}

function showLedger({ summary }) {
  const difficulty = summary.difficulty;
  const ofPool = typeof difficulty === "number";
  const kinds = [["accepted", "good"], ["rejected", "bad"], ["stale", "warn"], ["lost", "bad"], ["in_flight", "dim"], ["queued", "dim"]];
  const amount = (value) => (value !== null && typeof value === "object" ? sum(value) : value);
  const all = [];
  const bar = [];
  for (const [name, style] of kinds.filter(([name]) => summary[name] !== undefined)) {
    const work = ofPool ? (name === "accepted" ? difficulty : null) : amount(difficulty[name]);
    const count = amount(summary[name]);
    const mark = count > 0 ? style : "dim";
    all.push(row([[name.replace("_", " "), mark], [String(count), "number"], [number(work), "number"]]));
    if (typeof summary[name] === "object") {
      for (const [reason, some] of Object.entries(summary[name])) {
        const work = ofPool ? null : difficulty[name][reason];
        all.push(row([reason, [String(some), "number"], [number(work), "number"]], "reason"));
      }
    }
    if (count > 0) {
      const piece = document.createElement("i");
      piece.className = style;
      piece.style.flexGrow = String(count);
      piece.title = `${count} ${name}`;
      bar.push(piece);
    }
  }
  rows("ledger", all, "none yet", 3);
  at("bar").replaceChildren(...bar);
}

function showDevices({ devices }) {
  at("devices-section").hidden = devices === undefined;
  const all = (devices ?? []).map((it) => row([
    it.device, [hashrate(it.hs_10s), "number"], [hashrate(it.hs_60s), "number"], [hashrate(it.hs_15m), "number"],
    [withUnit(it.hashes, ""), "number"], [String(it.hardware_errors), it.hardware_errors ? "number bad" : "number"],
    it.failure ? [it.failure, "bad"] : it.trouble ? [it.trouble, "warn"] : ["at work", "good"],
  ]));
  rows("devices", all, "none", 7);
}

function showBlocks({ blocks }) {
  const good = ["accepted", "duplicate", "inconclusive"];
  const all = blocks.map((it) => row([
    clock(it.time), [it.height === null ? "–" : String(it.height), "number"], [it.hash, "hash"], it.device,
    [it.transactions === undefined ? "–" : String(it.transactions), "number"],
    [it.reward === undefined ? "–" : String(it.reward), "number"],
    [it.reason ?? it.result, good.includes(it.result) ? "good" : "bad"],
  ]));
  rows("blocks", all, "none yet", 7);
}

const LOUD = { error: "bad", disconnected: "warn", block: "good" };

function showEvents(events) {
  const log = at("log");
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  for (const { id, text, event } of events) {
    lastEvent = Math.max(lastEvent, id);
    if (text === null) continue;
    const line = document.createElement("li");
    const time = document.createElement("time");
    const words = document.createElement("span");
    time.textContent = clock(event.time);
    words.textContent = text;
    const refused = event.event === "block" && !["accepted", "duplicate", "inconclusive"].includes(event.result);
    const kind = refused || (event.event === "share" && event.status !== "accepted") ? "bad" : LOUD[event.event];
    if (kind) words.className = kind;
    line.append(time, words);
    log.append(line);
  }
  while (log.children.length > LINES) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

// ---- the chart ----

const WIDTH = 900;
const HEIGHT = 220;

// The next of 1, 2 and 5 times a power of ten.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function showChart() {
  if (samples.length === 0) return;
  const first = samples[0].time;
  const span = Math.max(samples[samples.length - 1].time - first, 1);
  const top = roundUp(Math.max(...samples.map(({ hs }) => hs), 1) * 1.02);
  const point = ({ time, hs }) => `${(((time - first) / span) * WIDTH).toFixed(1)} ${(HEIGHT * (1 - hs / top)).toFixed(1)}`;
  const line = samples.map(point).join(" L ");
  at("curve").setAttribute("d", `M ${line}`);
  at("area").setAttribute("d", `M 0 ${HEIGHT} L ${line} L ${WIDTH} ${HEIGHT} Z`);
  const steps = [0.25, 0.5, 0.75, 1];
  const lines = steps.map((step) => svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT * (1 - step), y2: HEIGHT * (1 - step) }));
  at("grid").replaceChildren(...lines);
  const labels = steps.slice(0, 3).map((step) => {
    const label = document.createElement("span");
    label.textContent = hashrate(top * step);
    label.style.top = `${200 * (1 - step)}px`;
    return label;
  });
  at("scale").replaceChildren(...labels);
  say("chart-from", `${duration(span)} ago`);
}

function sampleAt(event) {
  const box = at("chart").getBoundingClientRect();
  const [first, last] = [samples[0], samples[samples.length - 1]];
  const time = first.time + ((event.clientX - box.left) / box.width) * (last.time - first.time);
  return samples.reduce((near, it) => (Math.abs(it.time - time) < Math.abs(near.time - time) ? it : near));
}

at("chart").addEventListener("pointermove", (event) => {
  if (samples.length === 0) return;
  const { time, hs } = sampleAt(event);
  say("chart-hover", `${clock(time)}: ${hashrate(hs)}`);
});
at("chart").addEventListener("pointerleave", () => say("chart-hover", ""));

function addSample({ time, hashrate: rate }) {
  samples.push({ time, hs: rate.hs_10s ?? rate.hs_60s });
  samples = samples.slice(-SAMPLES);
}

// ---- asking ----

async function get(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

async function refresh() {
  const status = await get("api/status");
  const { events } = await get(`api/events?after=${lastEvent}`);
  if (document.body.classList.contains("gone")) at("log").replaceChildren();
  showEvents(events);
  showHealth(status);
  if (status.hashrate === undefined) return;
  if (samples.length === 0) samples = (await get("api/history")).history;
  else addSample(status);
  [showFigures, showUpstream, showLedger, showDevices, showBlocks].forEach((show) => show(status));
  showChart();
}

function showGone() {
  at("health").dataset.health = "gone";
  say("health", "not reachable");
  document.body.classList.add("gone");
  document.title = "miner – not reachable";
  // It may come back as another run: then all begins anew.
  lastEvent = 0;
  samples = [];
}

async function run() {
  try {
    await refresh();
  } catch {
    showGone();
  }
  setTimeout(run, EVERY);
}

run();
