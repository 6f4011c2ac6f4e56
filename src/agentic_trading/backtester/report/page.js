"use strict";
// --- data: long columns come as base64 of little-endian numbers ---
const VIEW = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u2: Uint16Array };
const unpack = ({ type, b64 }) => new VIEW[type](Uint8Array.from(atob(b64), each => each.charCodeAt(0)).buffer);
const data = JSON.parse(document.getElementById("data").textContent,
  (key, value) => value && typeof value === "object" && "b64" in value ? unpack(value) : value);
const times = ({ start_s, t }) => Float64Array.from(t, each => (start_s + each) * 1000);

const byId = id => document.getElementById(id);
const narrow = () => window.innerWidth <= 640;
const number = (value, digits = 2) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const signed = value => (value > 0 ? "+" : value < 0 ? "−" : "") + number(Math.abs(value));
const price = value => value.toLocaleString("en-US", { maximumSignificantDigits: 8 });
const clock = ms => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
const escaped = text => String(text).replace(/[&<>"']/g, each => `&#${each.charCodeAt(0)};`);
const millis = value => typeof value === "number" ? value : Date.parse(/[zZ]$/.test(value) ? value : value.replace(" ", "T") + (value.length > 10 ? "Z" : ""));

// --- style: the page's own colours and type, read anew whenever the theme changes ---
const probe = document.body.appendChild(document.createElement("i"));
probe.hidden = true;
function colour(name, opacity = 1) {
  probe.style.color = `var(--${name})`;
  const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
  return `rgba(${red},${green},${blue},${opacity})`;
}
const axis = more => ({
  gridcolor: colour("faint"), linecolor: colour("line"), zerolinecolor: colour("line"), zerolinewidth: 1,
  tickfont: { size: 11.5, color: colour("quiet") }, automargin: false, fixedrange: true, nticks: narrow() ? 4 : 7, ...more });
const heading = (text, y, more) => ({
  text, x: 0, y, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", showarrow: false, align: "left",
  font: { size: 12.5, color: colour("quiet") }, ...more });
const word = (text, name) => `<span style="color:${colour(name)}"><b>${text}</b></span>`;
function draw(id, traces, layout) {
  const css = getComputedStyle(document.body);
  return Plotly.react(id, traces, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "x unified",
    font: { family: css.fontFamily, size: 12, color: colour("text") },
    margin: { l: narrow() ? 46 : 58, r: narrow() ? 6 : 14, t: 26, b: 40 }, // two lines of dates below
    hoverlabel: { bgcolor: colour("page"), bordercolor: colour("line"), font: { size: 12.5, color: colour("text") }, align: "left" },
    dragmode: narrow() ? false : "zoom", // a finger on a chart scrolls the page
    ...layout,
  }, { responsive: true, displayModeBar: false, displaylogo: false, doubleClick: false,
    showSendToCloud: false, plotlyServerURL: "" }); // results stay on this machine
}

// --- the account: equity, under water, exposure on one time axis ---
const DAY = 86_400_000;
const curve = data.curve && { ...data.curve, x: times(data.curve) };
const band = data.band && { ...data.band, x: times(data.band) };
let shown = null; // the part of the time axis that is in view; null is all of it

function limits(columns, [from, to], margin = 0.06) {
  let low = Infinity, high = -Infinity;
  for (const { x, y } of columns)
    for (let at = 0; at < x.length; at++)
      if (x[at] >= from && x[at] <= to && y[at] === y[at]) { if (y[at] < low) low = y[at]; if (y[at] > high) high = y[at]; }
  if (low > high) return null;
  const pad = (high - low || Math.abs(high) || 1) * margin;
  return [low - pad, high + pad];
}
function drawCurve() {
  if (!curve) return;
  const all = [curve.x[0], curve.x[curve.x.length - 1]], range = shown || all;
  const { x, equity, hold, below, gross, net } = curve;
  const line = (name, y, shade, width, more) =>
    ({ type: "scatter", mode: "lines", name, x, y, line: { color: colour(shade), width }, ...more });
  const ratio = "%{y:.1%}", amount = "%{y:,.2f}";
  const traces = [];
  if (band)
    for (const [name, y] of [["Pessimistic", band.low], ["Optimistic", band.high]])
      traces.push({ type: "scatter", mode: "lines", name, x: band.x, y, line: { color: colour("accent", .45), width: .8 },
        fill: name === "Optimistic" ? "tonexty" : "none", fillcolor: colour("accent", .14), hovertemplate: amount });
  traces.push(
    line("Buy and hold", hold, "quiet", 1.2, { hovertemplate: amount, line: { color: colour("quiet"), width: 1.2, dash: "2px,2px" } }),
    line("Equity", equity, "accent", 2, { hovertemplate: amount }),
    line("Under water", below, "bad", 1, { yaxis: "y2", fill: "tozeroy", fillcolor: colour("bad", .16), hovertemplate: "%{y:.2%}" }),
    line("Gross exposure", gross, "text", .8, { yaxis: "y3", fill: "tozeroy", fillcolor: colour("text", .1), hovertemplate: ratio }),
    line("Net exposure", net, "accent", 1, { yaxis: "y3", hovertemplate: ratio }));
  const money = [{ x, y: equity }, { x, y: hold }, ...(band ? [{ x: band.x, y: band.low }, { x: band.x, y: band.high }] : [])];
  draw("curve", traces, {
    height: narrow() ? 520 : 610, hoversubplots: "axis", grid: { rows: 3, columns: 1, subplots: [["xy"], ["xy2"], ["xy3"]] },
    xaxis: axis({ type: "date", range, fixedrange: false, anchor: "y3", showspikes: true, spikemode: "across", spikethickness: 1,
      spikedash: "solid", spikecolor: colour("quiet"), hoverformat: "%Y-%m-%d %H:%M", showgrid: false }),
    yaxis: axis({ domain: [.45, 1], range: limits(money, range), tickformat: "~s" }),
    yaxis2: axis({ domain: [.21, .385], range: [(limits([{ x, y: below }], range) || [-1])[0], 0], tickformat: ".1~%", nticks: 4 }),
    yaxis3: axis({ domain: [0, .145], range: limits([{ x, y: gross }, { x, y: net }], range), tickformat: ".1~%", nticks: 4 }),
    annotations: [
      heading(`${word("Equity", "accent")}, buy and hold (dotted)${band ? ", band" : ""}${data.quote ? `, ${escaped(data.quote)}` : ""}`, 1),
      heading(`${word("Under water", "bad")}, below the last peak`, .385),
      heading(`Exposure: gross (grey) and ${word("net", "accent")}, of equity`, .145)],
  });
}
function span(days) {
  const end = curve.x[curve.x.length - 1];
  shown = days ? [Math.max(end - days * DAY, curve.x[0]), end] : null;
  pressed(days);
  drawCurve();
}
function pressed(days) {
  for (const each of byId("spans").children) each.setAttribute("aria-pressed", String(+each.dataset.days === days));
}
if (curve) {
  const whole = (curve.x[curve.x.length - 1] - curve.x[0]) / DAY;
  for (const [name, days] of [["1 W", 7], ["1 M", 30], ["3 M", 91], ["1 Y", 365], ["All", 0]])
    if (days < whole) {
      const button = byId("spans").appendChild(document.createElement("button"));
      Object.assign(button, { type: "button", textContent: name, onclick: () => span(days) });
      button.dataset.days = days;
    }
}

// --- days ---
function drawDays() {
  const days = data.days;
  if (!days) return;
  const x = days.counts.map((_, at) => (days.first + at + .5) * days.width);
  const text = x.map(mid => `${(100 * (mid - days.width / 2)).toFixed(2)} to ${(100 * (mid + days.width / 2)).toFixed(2)} %`);
  const mark = (at, label) => at == null ? [] : [{ text: label, x: -at, y: 1, yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 11.5, color: colour("bad") } }];
  byId("days-lead").textContent = `UTC days; ${(100 * days.mean).toFixed(3).replace("-", "−")} % on average${days.unmoved ? `, ${days.unmoved} without change left out` : ""}.`;
  draw("days", [{ type: "bar", x, y: days.counts, width: days.width * .86, text, textposition: "none", marker: { color: x.map(mid => colour(mid > 0 ? "good" : "bad", .85)) },
    hovertemplate: "%{text}: %{y} days<extra></extra>" }], {
    height: 270, hovermode: "closest", bargap: 0,
    xaxis: axis({ tickformat: "+.1~%", showgrid: false }), yaxis: axis({ nticks: 5 }),
    shapes: days.var_95 == null ? [] : [{ type: "line", x0: -days.var_95, x1: -days.var_95, y0: 0, y1: 1, yref: "paper", line: { color: colour("bad"), width: 1, dash: "dot" } }],
    annotations: mark(days.var_95, "VaR 95"),
  });
}
function drawRolling() {
  const rolling = data.rolling;
  if (!rolling) return;
  const x = times(rolling);
  byId("rolling-lead").textContent = `Over the last ${rolling.days} days, per year.`;
  const line = (name, y, shade, yaxis, hovertemplate) => ({ type: "scatter", mode: "lines", name, x, y, yaxis, hovertemplate, line: { color: colour(shade), width: 1.6 } });
  draw("rolling", [line("Sharpe", rolling.sharpe, "accent", "y", "%{y:.2f}"), line("Volatility", rolling.volatility, "text", "y2", "%{y:.1%}")], {
    height: 270, hoversubplots: "axis", grid: { rows: 2, columns: 1, subplots: [["xy"], ["xy2"]] },
    xaxis: axis({ type: "date", anchor: "y2", showgrid: false, hoverformat: "%Y-%m-%d", fixedrange: true }),
    yaxis: axis({ domain: [.58, 1], nticks: 5, zerolinecolor: colour("quiet") }), yaxis2: axis({ domain: [0, .4], tickformat: ".1~%", rangemode: "tozero", nticks: 4 }),
    annotations: [heading(word("Sharpe", "accent"), 1), heading(word("Volatility", "text"), .4)],
  });
}

// --- from gross to net ---
function drawBridge() {
  const steps = data.bridge, last = steps.length - 1, names = steps.map(([name]) => name.replace(" (+ received)", "").replace(" and ", "<br>and "));
  draw("bridge", [{ type: "waterfall", x: names, y: steps.map(([, value]) => value), measure: steps.map((_, at) => at === 0 ? "absolute" : at === last ? "total" : "relative"),
    text: steps.map(([, value]) => signed(value)), textposition: "outside", cliponaxis: false, constraintext: "none", textfont: { size: narrow() ? 10.5 : 12, color: colour("text") },
    increasing: { marker: { color: colour("good") } }, decreasing: { marker: { color: colour("bad") } }, totals: { marker: { color: colour("accent") } },
    connector: { line: { color: colour("line"), width: 1 } }, hovertemplate: "%{x}: %{text}<extra></extra>" }], {
    height: 300, hovermode: "closest", waterfallgap: .35,
    xaxis: axis({ type: "category", showgrid: false, tickangle: 0, nticks: 0, tickfont: { size: narrow() ? 10 : 11.5, color: colour("quiet") } }), yaxis: axis({ tickformat: "~s", nticks: 5 }),
  });
}

// --- theme ---
function drawAll() { drawCurve(); drawDays(); drawRolling(); drawBridge(); drawPrice(); }
function theme(name) { document.documentElement.dataset.theme = name; drawAll(); }
byId("theme").addEventListener("click", () => {
  const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", name); } catch { /* not remembered, still switched */ }
  theme(name);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", event => {
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* then the system decides */ }
  if (!chosen) theme(event.matches ? "dark" : "light");
});
