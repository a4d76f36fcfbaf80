"use strict";

// Tables: a click on a column's head sorts by it, a second one turns the order round.
function sortTable(table, column, ascending) {
  const body = table.tBodies[0];
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const sign = ascending ? 1 : -1;
  const rows = [...body.rows].sort((a, b) => {
    const x = key(a), y = key(b);
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
  });
  body.append(...rows);
  [...table.tHead.rows[0].cells].forEach((head, i) => {
    if (i === column) head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      sortTable(table, column, now ? now === "descending" : column === 0); // figures: the largest first
    });
  });
}

// Videos: both drives of an episode play and move together.
for (const pair of document.querySelectorAll(".pair")) {
  const videos = [...pair.querySelectorAll("video")];
  const controls = document.createElement("div");
  controls.className = "controls";
  controls.innerHTML =
    '<button type="button" class="play">Play both</button>' +
    '<input type="range" min="0" step="0.1" value="0" aria-label="time"><output>0.0 s</output>';
  pair.querySelector(".clips").before(controls);
  const [button, slider, shown] = controls.children;
  const longest = () => videos.reduce((a, b) => ((b.duration || 0) > (a.duration || 0) ? b : a));
  const seek = (time) => videos.forEach((v) => (v.currentTime = Math.min(time, v.duration || time)));
  const playing = () => videos.some((v) => !v.paused && !v.ended);
  const show = () => {
    const leader = longest();
    slider.max = leader.duration || 0;
    slider.value = leader.currentTime;
    shown.textContent = leader.currentTime.toFixed(1) + " s";
    button.textContent = playing() ? "Pause" : "Play both";
  };
  for (const video of videos) {
    video.controls = false;
    for (const event of ["timeupdate", "play", "pause", "ended", "loadedmetadata"]) video.addEventListener(event, show);
    video.addEventListener("click", () => button.click());
  }
  button.addEventListener("click", () => {
    if (playing()) return videos.forEach((v) => v.pause());
    const leader = longest();
    if (leader.ended) seek(0);
    videos.filter((v) => v.currentTime < v.duration - 0.05).forEach((v) => v.play());
  });
  slider.addEventListener("input", () => seek(Number(slider.value)));
  for (const mark of pair.querySelectorAll(".mark")) {
    mark.addEventListener("click", () => {
      videos.forEach((v) => v.pause());
      seek(Math.max(0, Number(mark.dataset.time)));
    });
  }
}

// One decision.
function unpack(text, type) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new type(bytes.buffer);
}

function mixed(a, b, share) {
  const part = (color, i) => parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  return "rgb(" + [0, 1, 2].map((i) => Math.round(part(a, i) + share * (part(b, i) - part(a, i)))).join(",") + ")";
}

function decisionView(data) {
  const byId = (id) => document.getElementById("decision-" + id);
  const canvas = byId("canvas"), slider = byId("slider"), table = byId("table");
  const [width, height] = data.size;
  const density = 2;
  canvas.width = width * density;
  canvas.height = height * density;
  const shared = unpack(data.points, Int16Array);
  const rows = data.rows.map((row) => ({ ...row }));
  let picked = -1;

  function open(row) {
    if (row.image) return row;
    row.before = unpack(row.before, Float32Array);
    row.after = unpack(row.after, Float32Array);
    row.returns = unpack(row.returns, Float32Array);
    row.advantage = unpack(row.advantage, Float32Array);
    row.flags = unpack(row.flags, Uint8Array);
    row.points = row.points ? unpack(row.points, Int16Array) : shared;
    row.image = new Image();
    row.image.onload = draw;
    row.image.src = "data:image/webp;base64," + row.picture;
    return row;
  }

  function shade(row, kind, g, most) {
    if (kind === "advantage") {
      const share = Math.max(-1, Math.min(1, row.advantage[g] / 2));
      return [mixed(data.medium, share > 0 ? data.good : data.bad, Math.abs(share)), 0.85];
    }
    if (kind === "change") {
      const share = Math.cbrt(Math.max(-1, Math.min(1, (row.after[g] - row.before[g]) / most)));
      return [mixed(data.medium, share > 0 ? data.good : data.bad, Math.abs(share)), 0.15 + 0.85 * Math.abs(share)];
    }
    const share = Math.cbrt(row[kind][g] / most);
    return [mixed(data.medium, data.good, share), 0.1 + 0.9 * share];
  }

  function largest(row, kind) {
    let most = 1e-9;
    for (let g = 0; g < row.before.length; g++) {
      most = Math.max(most, kind === "change" ? Math.abs(row.after[g] - row.before[g]) : row[kind][g]);
    }
    return most;
  }

  function draw() {
    const row = open(rows[Number(slider.value)]);
    const kind = document.querySelector('input[name="shade"]:checked').value;
    const pen = canvas.getContext("2d");
    pen.setTransform(density, 0, 0, density, 0, 0);
    if (row.image.complete && row.image.naturalWidth) pen.drawImage(row.image, 0, 0, width, height);
    const steps = row.points.length / row.before.length / 2;
    const place = (value, middle) => middle - value / data.cmPerM / data.metresPerPx;
    const line = (g) => {
      pen.beginPath();
      pen.moveTo((width - 1) / 2, (height - 1) / 2);
      for (let t = 0; t < steps; t++) {
        const at = 2 * (g * steps + t);
        pen.lineTo(place(row.points[at + 1], (width - 1) / 2), place(row.points[at], (height - 1) / 2));
      }
      pen.stroke();
    };
    const value = kind === "change" ? (g) => Math.abs(row.after[g] - row.before[g]) : (g) => row[kind][g];
    const order = [...row.before.keys()].filter((g) => !Number.isNaN(row.advantage[g]));
    order.sort((a, b) => value(a) - value(b));
    const most = kind === "advantage" ? 1 : largest(row, kind);
    for (const g of order) {
      const [color, opacity] = shade(row, kind, g, most);
      pen.strokeStyle = color;
      pen.globalAlpha = opacity;
      pen.lineWidth = 1.2;
      line(g);
    }
    pen.globalAlpha = 1;
    for (const [g, style, thick] of [[best(row.after), css("--after"), 4], [best(row.before), css("--before"), 4]]) {
      for (const [color, width] of [["#ffffff", thick + 3], [style, thick]]) {
        pen.strokeStyle = color;
        pen.lineWidth = width;
        line(g);
      }
    }
    if (picked >= 0) {
      pen.strokeStyle = "#ffffff";
      pen.lineWidth = 4;
      pen.setLineDash([8, 5]);
      line(picked);
      pen.setLineDash([]);
    }
  }

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const best = (values) => values.reduce((top, value, g) => (value > values[top] ? g : top), 0);

  function fillTable(row) {
    const order = [...row.before.keys()].filter((g) => !Number.isNaN(row.advantage[g]));
    order.sort((a, b) => Math.max(row.before[b], row.after[b]) - Math.max(row.before[a], row.after[a]));
    const body = table.tBodies[0];
    body.replaceChildren();
    for (const g of order.slice(0, 12)) {
      const line = body.insertRow();
      const cell = (value, words) => {
        const made = line.cells.length ? line.insertCell() : line.appendChild(document.createElement("th"));
        made.textContent = words === undefined ? value.toFixed(2) : words;
        if (typeof value === "number") made.dataset.value = value;
      };
      const marks = [g === best(row.before) ? "before" : "", g === best(row.after) ? "after" : ""].filter(Boolean).join(", ");
      cell(g, marks ? `${g} (top ${marks})` : `${g}`);
      cell(100 * row.before[g]);
      cell(100 * row.after[g]);
      cell(row.returns[g]);
      cell(row.advantage[g]);
      cell("", data.hazards.filter((_, bit) => row.flags[g] & (1 << bit)).join(", ") || "–");
      line.addEventListener("click", () => {
        picked = picked === g ? -1 : g;
        [...body.rows].forEach((other) => other.classList.toggle("picked", other === line && picked === g));
        draw();
      });
    }
    for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
  }

  function fillMass(row) {
    const bins = 9, low = -2.25, size = 0.5;
    const mass = { before: new Array(bins).fill(0), after: new Array(bins).fill(0) };
    for (let g = 0; g < row.before.length; g++) {
      if (Number.isNaN(row.advantage[g])) continue;
      const bin = Math.max(0, Math.min(bins - 1, Math.floor((row.advantage[g] - low) / size)));
      mass.before[bin] += row.before[g];
      mass.after[bin] += row.after[g];
    }
    const left = 40, bottom = 165, top = 10, wide = (350 - left) / bins;
    const level = (share) => bottom - share * (bottom - top);
    let marks = "";
    for (const share of [0, 0.5, 1]) {
      marks += `<line class="grid" x1="${left}" x2="350" y1="${level(share)}" y2="${level(share)}"/>` +
        `<text class="tick" x="${left - 6}" y="${level(share) + 4}" text-anchor="end">${100 * share} %</text>`;
    }
    for (let bin = 0; bin < bins; bin++) {
      const x = left + bin * wide;
      for (const [i, when] of ["before", "after"].entries()) {
        const share = mass[when][bin];
        marks += `<rect class="${when}" x="${x + 3 + (i * (wide - 6)) / 2}" width="${(wide - 6) / 2 - 1}" ` +
          `y="${level(share)}" height="${bottom - level(share)}"><title>${when}: ${(100 * share).toFixed(1)} %</title></rect>`;
      }
      const middle = low + (bin + 0.5) * size;
      const words = bin === 0 ? "≤ -2" : bin === bins - 1 ? "≥ 2" : String(middle);
      marks += `<text class="tick" x="${x + wide / 2}" y="${bottom + 14}" text-anchor="middle">${words}</text>`;
    }
    marks += `<text class="tick" x="195" y="195" text-anchor="middle">probability by the candidates' advantage</text>`;
    byId("mass").innerHTML = marks;
  }

  function show() {
    const row = open(rows[Number(slider.value)]);
    picked = -1;
    const happened = row.events.length ? " · " + row.events.join(", ") : "";
    byId("time").textContent = `${row.time.toFixed(2)} s · ${row.speed.toFixed(0)} km/h${happened}`;
    byId("worth").textContent =
      `Expected advantage in this state: ${row.worth[0].toFixed(2)} before, ${row.worth[1].toFixed(2)} after fine-tuning.`;
    fillTable(row);
    fillMass(row);
    draw();
  }

  slider.max = rows.length - 1;
  slider.value = data.start;
  byId("title").textContent = data.title;
  byId("legend").innerHTML =
    '<span><i class="before"></i>most probable before</span><span><i class="after"></i>most probable after</span>' +
    `<span><i style="background:${data.bad}"></i>bad / less</span><span><i style="background:${data.good}"></i>good / more</span>`;
  slider.addEventListener("input", show);
  const step = (by) => {
    slider.value = Number(slider.value) + by;
    show();
  };
  byId("back").addEventListener("click", () => step(-1));
  byId("on").addEventListener("click", () => step(1));
  for (const choice of document.querySelectorAll('input[name="shade"]')) choice.addEventListener("change", draw);
  document.getElementById("decision").hidden = false;
  show();
}

const found = document.getElementById("decision-data");
if (found) decisionView(JSON.parse(found.textContent));
