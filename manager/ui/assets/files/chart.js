// Charts of what the API says of a site's vSockets over time.
(async () => {
  const box = document.getElementById("charts"), body = box.firstElementChild, words = box.dataset;
  const say = text => { body.replaceChildren(Object.assign(document.createElement("p"), { textContent: text, className: "text-secondary" })); };
  let metrics;
  try {
    const answer = await fetch(words.source, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    metrics = await answer.json();
  } catch { say(words.failed); return; }
  const times = [...new Set(metrics.sockets.flatMap(s => s.points.map(p => Date.parse(p.start) / 1000)))].sort((a, b) => a - b);
  if (times.length === 0) { say(words.none); return; }
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--rlv-ink"), grid = style.getPropertyValue("--tblr-border-color");
  const colours = [style.getPropertyValue("--tblr-primary"), style.getPropertyValue("--rlv-warn")];
  const name = s => words[s.role] ?? s.role;
  const series = (label, i, pick, dash) => ({
    label, stroke: colours[i % 2], width: 2, dash, points: { show: times.length < 40, size: 5 },
    data: times.map(t => { const p = metrics.sockets[i].points.find(p => Date.parse(p.start) / 1000 === t); return p ? pick(p) ?? null : null; }),
  });
  const both = (pick, suffix = "", dash) => metrics.sockets.map((s, i) => series(name(s) + suffix, i, pick, dash));
  const axis = size => ({ stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, size });
  const chart = (title, lines, format, range) => {
    const part = document.createElement("section"), head = Object.assign(document.createElement("h2"), { textContent: title, className: "card-title" });
    part.className = "chart";
    part.append(head);
    body.append(part);
    const known = lines.filter(l => l.data.some(v => v !== null));
    if (known.length === 0) { part.append(Object.assign(document.createElement("p"), { textContent: words.none, className: "text-secondary" })); return; }
    const plot = new uPlot({
      width: Math.max(260, body.clientWidth - 32), height: 200, series: [{}, ...known.map(({ data, ...look }) => look)],
      scales: { x: { range: [Date.parse(metrics.from) / 1000, Date.parse(metrics.until) / 1000] }, y: range ? { range } : {} },
      axes: [axis(34), { ...axis(72), values: (_, all) => all.map(v => v === null ? "" : format(v)) }],
    }, [times, ...known.map(l => l.data)], part);
    addEventListener("resize", () => plot.setSize({ width: Math.max(260, body.clientWidth - 32), height: 200 }));
  };
  const bits = v => v >= 1e9 ? (v / 1e9).toFixed(1) + " Gbit/s" : v >= 1e6 ? (v / 1e6).toFixed(1) + " Mbit/s" : v >= 1e3 ? (v / 1e3).toFixed(0) + " kbit/s" : v.toFixed(0) + " bit/s";
  body.replaceChildren();
  chart(words.throughput, [...both(p => p.received?.mean, " · " + words.received), ...both(p => p.sent?.mean, " · " + words.sent, [6, 4])], bits);
  chart(words.latency, both(p => p.latency?.mean), v => v + " ms");
  chart(words.loss, both(p => p.loss?.mean), v => v + " %", [0, 100]);
  chart(words.master, both(p => p.master * 100), v => v + " %", [0, 100]);
})();
