// --- candles: merged to what the width can show, anew at every zoom, from what is in the page ---
const STEPS = [60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 345600, 604800];
const MOST_STOPS = 40; // more stop levels at once are a thicket
const trades = data.trades;
const name = (column, at) => trades[column].names[trades[column].at[at]];
const candles = {};
let view = null; // the time in view on the candles; null is all of it
let selected = -1;

function candlesOf(symbol) {
  if (!candles[symbol]) {
    const raw = data.candles[symbol];
    const x = raw.t ? times(raw) : Float64Array.from(raw.o, (_, at) => (raw.start_s + at * raw.step_s) * 1000);
    candles[symbol] = { ...raw, x, step: raw.step_s * 1000 };
  }
  return candles[symbol];
}
function merged(raw, [from, to]) {
  const most = narrow() ? 90 : 240;
  const fits = [raw.step_s, ...STEPS].find(each => each >= raw.step_s && each % raw.step_s === 0 && (to - from) / 1000 / each <= most);
  const step = (fits || Math.ceil((to - from) / 1000 / most / 604800) * 604800) * 1000, reach = (to - from) / 2;
  const out = { step, x: [], open: [], high: [], low: [], close: [] };
  for (let at = 0, last = -1; at < raw.x.length; at++) {
    if (raw.x[at] < from - reach || raw.x[at] > to + reach) continue;
    const start = Math.floor(raw.x[at] / step) * step, end = out.x.length - 1;
    if (start !== last) {
      last = start;
      out.x.push(start); out.open.push(raw.o[at]); out.high.push(raw.h[at]); out.low.push(raw.l[at]); out.close.push(raw.c[at]);
    } else {
      out.high[end] = Math.max(out.high[end], raw.h[at]);
      out.low[end] = Math.min(out.low[end], raw.l[at]);
      out.close[end] = raw.c[at];
    }
  }
  return out;
}
function lasting(ms) {
  const minutes = Math.round(ms / 60000), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  return days ? `${days} d ${hours % 24} h` : hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
function interval(seconds) {
  return seconds % 86400 === 0 ? `${seconds / 86400} d` : seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds / 60} min`;
}

// --- marks: a line per trade from entry to exit, coloured by its result ---
function marks(name, rows, ms, at, marker, text) {
  return { type: "scatter", mode: "markers", name, x: rows.map(ms), y: rows.map(at), customdata: rows, text: rows.map(text), marker, hovertemplate: "%{text}<extra></extra>" };
}
function segments(name, rows, line, from, to) {
  const x = [], y = [];
  for (const at of rows) { x.push(trades.entry_ms[at], trades.exit_ms[at], null); y.push(from(at), to(at), null); }
  return { type: "scatter", mode: "lines", name, x, y, line, hoverinfo: "skip" };
}
function tradeTraces(symbol, range) {
  const rows = [], inView = [];
  for (let at = 0; at < trades.number.length; at++)
    if (name("symbol", at) === symbol) {
      rows.push(at);
      if (trades.exit_ms[at] >= range[0] && trades.entry_ms[at] <= range[1]) inView.push(at);
    }
  const close = inView.length <= MOST_STOPS, size = close ? 11 : 7;
  const entry = at => trades.entry[at], exit = at => trades.exit_price[at], stop = at => trades.stop[at];
  const won = at => trades.net[at] > 0, stopped = at => name("exit", at).includes("stop");
  const ways = at => `<b>${escaped(name("strategy", at))}</b> ${name("direction", at)}, trade ${trades.number[at]}`;
  const opened = at => `${ways(at)}<br>${clock(trades.entry_ms[at])} at ${price(entry(at))}` + (stop(at) === stop(at) ? `, stop ${price(stop(at))}` : "");
  const closed = at => `${ways(at)}<br>${clock(trades.exit_ms[at])} at ${price(exit(at))}<br>${escaped(name("exit", at))}, net ${signed(trades.net[at])}`;
  const shade = list => list.map(at => colour(won(at) ? "good" : "bad"));
  const left = rows.filter(at => !stopped(at)), hit = rows.filter(stopped);
  const withStop = (close ? inView : inView.filter(at => at === selected)).filter(at => stop(at) === stop(at));
  const edge = { width: 1, color: colour("page") };
  const still = data.open.filter(each => each.symbol === symbol);
  return [
    segments("Won", rows.filter(won), { color: colour("good"), width: close ? 2.4 : 1.6 }, entry, exit),
    segments("Lost", rows.filter(at => !won(at)), { color: colour("bad"), width: close ? 2.4 : 1.6 }, entry, exit),
    segments("Stop", withStop, { color: colour("bad", .9), width: 1.2, dash: "dot" }, stop, stop),
    marks("Long entry", rows.filter(at => name("direction", at) === "long"), at => trades.entry_ms[at], entry, { symbol: "triangle-up", size, color: colour("accent"), line: edge }, opened),
    marks("Short entry", rows.filter(at => name("direction", at) === "short"), at => trades.entry_ms[at], entry, { symbol: "triangle-down", size, color: colour("accent"), line: edge }, opened),
    marks("Exit", left, at => trades.exit_ms[at], exit, { symbol: "circle-open", size: size - 1, color: shade(left), line: { width: 1.8 } }, closed),
    marks("Stopped", hit, at => trades.exit_ms[at], exit, { symbol: "x-thin", size: size - 1, color: shade(hit), line: { width: 1.8, color: shade(hit) } }, closed),
    { type: "scatter", mode: "markers", name: "Open at the end", x: still.map(each => each.ms), y: still.map(each => each.price), marker: { symbol: "star", size: 12, color: colour("accent") },
      text: still.map(each => `<b>${escaped(each.strategy)}</b> still ${each.direction} ${price(each.quantity)}<br>${clock(each.ms)} at ${price(each.price)}`), hovertemplate: "%{text}<extra></extra>" },
  ];
}
function drawPrice() {
  const symbol = byId("symbol").value, raw = symbol && candlesOf(symbol);
  if (!raw) return;
  const range = view || [raw.x[0], raw.x[raw.x.length - 1] + raw.step], bars = merged(raw, range);
  byId("interval").textContent = `One candle is ${interval(bars.step / 1000)}.`;
  const side = shade => ({ line: { color: colour(shade), width: 1 }, fillcolor: colour(shade) });
  const traces = [{ type: "candlestick", name: symbol, ...bars, step: undefined, x: bars.x.map(each => each + bars.step / 2), increasing: side("up"), decreasing: side("down"), whiskerwidth: 0,
    text: bars.x.map((start, at) => `${clock(start)}<br>open ${price(bars.open[at])}<br>high ${price(bars.high[at])}<br>low ${price(bars.low[at])}<br>close ${price(bars.close[at])}`), hoverinfo: "text" },
    ...tradeTraces(symbol, range)];
  const chosen = selected >= 0 && name("symbol", selected) === symbol;
  const seen = [{ x: bars.x, y: bars.low }, { x: bars.x, y: bars.high }];
  if (chosen && trades.stop[selected] === trades.stop[selected]) seen.push({ x: [trades.entry_ms[selected]], y: [trades.stop[selected]] });
  draw("price", traces, {
    height: narrow() ? 380 : 480, hovermode: "closest", dragmode: narrow() ? false : "zoom",
    xaxis: axis({ type: "date", range, fixedrange: false, rangeslider: { visible: false }, showgrid: false }),
    yaxis: axis({ range: limits(seen, range), tickformat: ",~g", side: "left" }),
    shapes: chosen ? [{ type: "rect", name: "selected", layer: "below", yref: "paper", y0: 0, y1: 1, x0: trades.entry_ms[selected], x1: trades.exit_ms[selected], fillcolor: colour("accent", .13), line: { color: colour("accent", .55), width: 1 } }] : [],
  });
}
function zoom(factor) {
  const raw = candlesOf(byId("symbol").value), all = [raw.x[0], raw.x[raw.x.length - 1] + raw.step];
  const [from, to] = view || all, middle = (from + to) / 2, half = Math.max((to - from) / 2 * factor, 4 * raw.step);
  view = factor && half < (all[1] - all[0]) / 2 ? [middle - half, middle + half] : null;
  drawPrice();
}

// --- one trade: on the candles, and in words ---
function select(at, look = true) {
  selected = at;
  const symbol = name("symbol", at), length = trades.exit_ms[at] - trades.entry_ms[at];
  if (data.candles[symbol]) {
    byId("symbol").value = symbol;
    const middle = (trades.entry_ms[at] + trades.exit_ms[at]) / 2, half = Math.max(length * 1.5, 20 * candlesOf(symbol).step);
    view = [middle - half, middle + half];
    drawPrice();
    if (look) byId("price").scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }
  for (const row of byId("trades").tBodies[0].rows) {
    const own = +row.dataset.at === at;
    row.setAttribute("aria-selected", String(own));
    if (own) row.parentNode.parentNode.parentNode.scrollTop = Math.max(row.offsetTop - 160, 0);
  }
  describe(at);
}
function describe(at) {
  const stop = trades.stop[at], net = trades.net[at];
  const part = (label, value, tone = "") => `<div><small>${label}</small><span class="${tone}">${value}</span></div>`;
  byId("trade").innerHTML = `<div class="title"><span>Trade ${trades.number[at]}: ${escaped(name("strategy", at))}, ${escaped(name("symbol", at))} ${name("direction", at)}</span>`
    + `<span class="segments"><button type="button" data-go="-1" aria-label="Trade before">‹</button><button type="button" data-go="1" aria-label="Trade after">›</button></span></div>`
    + part("Entry", `${clock(trades.entry_ms[at])}<br>at ${price(trades.entry[at])}`) + part("Exit", `${clock(trades.exit_ms[at])}<br>at ${price(trades.exit_price[at])}`)
    + part("Net", signed(net), net > 0 ? "good" : "bad") + part("Gross, fees, funding", `${signed(trades.gross[at])}, ${signed(-trades.fees[at])}, ${signed(trades.funding[at])}`)
    + part("Quantity", price(trades.quantity[at])) + part("Held", lasting(trades.exit_ms[at] - trades.entry_ms[at]))
    + part("Stop at entry", stop === stop ? price(stop) : "none") + part("Closed by, regime", `${escaped(name("exit", at) || "unknown")}, ${escaped(name("regime", at))}`)
    + (name("why", at) ? `<div class="why"><small>Reasons of the entry</small><span>${escaped(name("why", at))}</span></div>` : "");
}
const ORDERS = {
  number: (one, other) => trades.number[one] - trades.number[other],
  best: (one, other) => trades.net[other] - trades.net[one],
  worst: (one, other) => trades.net[one] - trades.net[other],
  longest: (one, other) => trades.exit_ms[other] - trades.entry_ms[other] - trades.exit_ms[one] + trades.entry_ms[one],
};
const listed = () => Array.from(trades.number, (_, at) => at).sort(ORDERS[byId("order").value]);
function list() {
  byId("trades").tBodies[0].innerHTML = listed().map(at => `<tr data-at="${at}" tabindex="0" aria-selected="${at === selected}"><td class="wide">${trades.number[at]}</td>`
    + `<td>${escaped(name("symbol", at))}<small>${name("direction", at)}, ${escaped(name("strategy", at))}</small></td><td>${clock(trades.entry_ms[at])}</td>`
    + `<td class="wide">${lasting(trades.exit_ms[at] - trades.entry_ms[at])}</td><td class="wide">${price(trades.entry[at])}</td><td class="wide">${price(trades.exit_price[at])}</td>`
    + `<td class="wide">${escaped(name("exit", at))}</td><td class="${trades.net[at] > 0 ? "good" : "bad"}">${signed(trades.net[at])}</td></tr>`).join("");
}

// --- what the reader does ---
const count = trades.number.length;
byId("trade-count").textContent = trades.total > count ? `the ${count.toLocaleString("en-US")} with the largest results of ${trades.total.toLocaleString("en-US")}` : "click one to see it on the candles";
drawAll();
if (count) { list(); byId("trade").innerHTML = `<p class="quiet">Choose a trade in the list or on the candles.</p>`; }
function follow(id, moved) {
  const chart = byId(id);
  if (!chart.on) return;
  chart.on("plotly_relayout", change => {
    const range = change["xaxis.range"] || (change["xaxis.range[0]"] !== undefined && [change["xaxis.range[0]"], change["xaxis.range[1]"]]);
    if (range) moved(range.map(millis)); else if (change["xaxis.autorange"]) moved(null);
  });
  chart.on("plotly_doubleclick", () => moved(null));
}
follow("curve", range => { shown = range; pressed(range ? -1 : 0); drawCurve(); });
follow("price", range => { view = range; drawPrice(); });
if (curve) pressed(0);
if (byId("price").on) byId("price").on("plotly_click", ({ points: [point] }) => { if (typeof point.customdata === "number") select(point.customdata, false); });
byId("symbol").addEventListener("change", () => { view = null; drawPrice(); });
byId("order").addEventListener("change", list);
for (const each of document.querySelectorAll("[data-zoom]")) each.addEventListener("click", () => zoom(+each.dataset.zoom));
byId("trades").addEventListener("click", event => { const row = event.target.closest("tr[data-at]"); if (row) select(+row.dataset.at); });
byId("trades").addEventListener("keydown", event => {
  const row = event.target.closest("tr[data-at]");
  if (row && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); select(+row.dataset.at); }
});
byId("trade").addEventListener("click", event => {
  const go = event.target.dataset.go, order = go && listed();
  if (go) select(order[(order.indexOf(selected) + +go + count) % count], false);
});
let wide = !narrow();
window.addEventListener("resize", () => { if (wide === narrow()) { wide = !wide; drawAll(); } });
