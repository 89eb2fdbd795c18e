// Charts of what the API says of a site's vSockets over time, with its failovers marked.
(() => {
  const box = document.getElementById("charts"), body = box.firstElementChild, words = box.dataset, every = Number(words.every);
  const source = new URL(words.source, location), span = Date.parse(source.searchParams.get("until")) - Date.parse(source.searchParams.get("from"));
  const opened = { manager: Date.parse(source.searchParams.get("until")), here: performance.now() };
  const style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue(name);
  const ink = colour("--rlv-ink"), grid = colour("--rlv-grid"), mark = colour("--rlv-bad"), lines = [colour("--tblr-primary"), colour("--rlv-warn")];
  const make = (name, about) => Object.assign(document.createElement(name), about);
  const seconds = text => Date.parse(text) / 1000;
  const side = role => words[role] ?? role;
  const lang = document.documentElement.lang;
  const clock = new Intl.DateTimeFormat(lang, span > 2 * 864e5 ? { day: "2-digit", month: "2-digit" } : { hour: "2-digit", minute: "2-digit", ...span < 6e5 && { second: "2-digit" }, hourCycle: "h23" });
  const whole = new Intl.DateTimeFormat(lang, { dateStyle: "short", timeStyle: every ? "medium" : "short", hourCycle: "h23" });
  const marks = () => [...document.querySelectorAll("#marks [data-at]")].map(m => ({ at: Number(m.dataset.at) / 1000, role: m.dataset.role }));
  const widthNow = () => Math.max(260, body.clientWidth - 32);
  let plots = [], shown;

  const section = title => {
    const part = make("section", { className: "chart" });
    part.append(make("h2", { textContent: title, className: "card-title" }));
    body.append(part);
    return part;
  };
  const say = (text, into = body) => into.append(make("p", { textContent: text, className: "text-secondary mb-0" }));

  // drawMarks draws a line where a failover was, on one chart.
  const drawMarks = u => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = mark; ctx.lineWidth = 2 * devicePixelRatio; ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const m of marks()) {
      const x = Math.round(u.valToPos(m.at, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
    }
    ctx.restore();
  };

  const chart = (m, times, title, series, format, range) => {
    const part = section(title), known = series.filter(l => l.data.some(v => v !== null));
    if (known.length === 0) { say(words.unmeasured, part); return; }
    const axis = size => ({ stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, size });
    plots.push(new uPlot({
      width: widthNow(), height: 200, hooks: { draw: [drawMarks] },
      series: [{ label: words.time, value: (_, t) => t === null ? "–" : whole.format(t * 1000) }, ...known.map(({ data, ...look }) => look)],
      scales: { x: { range: [seconds(m.from), seconds(m.until)] }, y: range ? { range } : {} },
      axes: [{ ...axis(34), values: (_, all) => all.map(t => clock.format(t * 1000)) }, { ...axis(96), values: (_, all) => all.map(v => v === null ? "" : format(v)) }],
    }, [times, ...known.map(l => l.data)], part));
  };

  // roles draws a band for each vSocket: what it was, span by span.
  const roles = m => {
    const part = section(words.roles), from = seconds(m.from), all = seconds(m.until) - from, names = { active: words.roleActive, standby: words.roleStandby, other: words.roleOther };
    const svg = (name, about) => { const e = document.createElementNS("http://www.w3.org/2000/svg", name); for (const k in about) e.setAttribute(k, about[k]); return e; };
    for (const s of m.sockets) {
      const sum = { active: 0, standby: 0, other: 0 };
      const band = svg("svg", { class: "roles", viewBox: "0 0 1000 22", preserveAspectRatio: "none", role: "img" });
      for (const p of s.points) {
        let x = Math.max(0, (seconds(p.start) - from) / all * 1000);
        const width = Math.min(1000 - x, m.width_s / all * 1000), other = 1 - (p.roles.active ?? 0) - (p.roles.standby ?? 0);
        for (const [role, share] of [["active", p.roles.active ?? 0], ["standby", p.roles.standby ?? 0], ["other", other > 0.001 ? other : 0]]) {
          if (share === 0 || width <= 0) continue;
          const high = role === "active" ? 22 : role === "standby" ? 9 : 15;
          band.append(svg("rect", { class: role, x, width: width * share, y: 22 - high, height: high }));
          x += width * share; sum[role] += share;
        }
      }
      const heard = s.points.length, told = Object.entries(sum).filter(([, n]) => n > 0).map(([r, n]) => `${names[r]} ${(100 * n / heard).toFixed(0)} %`);
      const text = `${side(s.role)}: ${told.join(", ") || words.roleNone}`;
      band.setAttribute("aria-label", text);
      for (const k of marks()) band.append(svg("rect", { class: "mark", x: (k.at - from) / all * 1000 - 1, width: 2, y: 0, height: 22 }));
      part.append(make("div", { textContent: text }), band);
    }
  };

  const bits = v => v >= 1e9 ? (v / 1e9).toFixed(1) + " Gbit/s" : v >= 1e6 ? (v / 1e6).toFixed(1) + " Mbit/s" : v >= 1e3 ? (v / 1e3).toFixed(0) + " kbit/s" : v.toFixed(0) + " bit/s";
  const draw = m => {
    for (const p of plots) p.destroy();
    plots = []; body.replaceChildren(); shown = m;
    const times = [...new Set(m.sockets.flatMap(s => s.points.map(p => seconds(p.start))))].sort((a, b) => a - b);
    if (times.length === 0) { say(words.none); return; }
    const at = m.sockets.map(s => new Map(s.points.map(p => [seconds(p.start), p])));
    const both = (pick, suffix = "", dash) => m.sockets.map((s, i) => ({
      label: side(s.role) + suffix, stroke: lines[i % 2], width: 2, dash, points: { show: times.length < 40, size: 5 },
      data: times.map(t => { const p = at[i].get(t); return p ? pick(p) ?? null : null; }),
    }));
    roles(m);
    chart(m, times, words.throughput, [...both(p => p.received?.mean, " · " + words.received), ...both(p => p.sent?.mean, " · " + words.sent, [6, 4])], bits);
    chart(m, times, words.latency, both(p => p.latency?.mean), v => v + " ms");
    chart(m, times, words.loss, both(p => p.loss?.mean), v => v + " %", (_, least, most) => [0, Math.max(5, most)]);
  };

  const read = async () => {
    const until = opened.manager + performance.now() - opened.here;
    if (every) { source.searchParams.set("until", new Date(until).toISOString()); source.searchParams.set("from", new Date(until - span).toISOString()); }
    try {
      const answer = await fetch(source, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      draw(await answer.json());
    } catch { if (!shown) { body.replaceChildren(); say(words.failed); } }
  };
  read();
  if (every) setInterval(() => { if (!document.hidden) read(); }, every * 1000);
  addEventListener("resize", () => plots.forEach(p => p.setSize({ width: widthNow(), height: 200 })));
  let before = JSON.stringify(marks());
  new MutationObserver(() => { const now = JSON.stringify(marks()); if (now !== before && shown) { before = now; draw(shown); } }).observe(document.querySelector("main"), { childList: true, subtree: true });
})();
