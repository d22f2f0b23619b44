// A tune's card: score, text, measures; the sounding note moves through score and text together.
function buildTunes(section) {
  if (!data.tunes.length) return section.append(h("p", { class: "quiet" }, "No tunes were written yet."));
  section.append(transport(), ...data.tunes.map((entry, index) => {
    const best = index === 0 && data.tunes.length > 1 ? "best: " : "";
    const details = h("details", { id: `tunes-${index}`, class: "trial", toggle: build },
      h("summary", {}, h("span", { class: "rank" }, `${best}${value(entry.row, "number") ?? ""}`),
        ` ${label(entry.row)} `, h("span", { class: "quiet" },
          `${objective.key} ${shown(value(entry.row, objective.key))}`)));
    // Scores are large: a trial's are built when it is first opened.
    function build() {
      if (!details.open || details.dataset.built) return;
      details.dataset.built = "yes";
      if (entry.command) details.append(h("p", { class: "quiet" }, "To train it again:"), copyable(entry.command));
      if (entry.note) details.append(h("p", { class: "notice", role: "note" }, `⚠ ${entry.note}`));
      details.append(...entry.tunes.map(card));
    }
    if (index === 0) { details.open = true; build(); }
    return details;
  }));
}

function openTunes(index) {
  document.getElementById(`tunes-${index}`).open = true;
}

function card(tune) {
  const characters = [...tune.text].map((character, i) => h("span", { "data-i": i }, character));
  const text = h("div", { class: "abc", tabindex: 0, role: "region", lang: "zxx",
    "aria-label": `ABC text of ${tune.title}` }, characters);
  const score = h("div", { class: "score", tabindex: 0, role: "region",
    "aria-label": `score of ${tune.title}` });
  if (tune.score) {
    const parsed = new DOMParser().parseFromString(tune.score, "image/svg+xml");
    const svg = document.importNode(parsed.documentElement, true);
    fill(svg, { role: "img", "aria-label": `${tune.title}, engraved` }, []);
    score.append(svg);
  } else score.append(h("p", { class: "quiet" }, `No score: ${tune.no_score || "there is no note"}.`));
  const heads = new Map([...score.querySelectorAll("[data-e]")].map((e) => [e.dataset.e, e]));
  const spans = new Map(tune.spans.map(([id, start, end]) => [id, [start, end]]));
  let lit = [];

  function moved(ids) {
    for (const element of lit) element.classList.remove("now");
    lit = ids.flatMap((id) => {
      const [start, end] = spans.get(id) ?? [0, 0];
      const head = heads.get(id);
      return head ? [head, ...characters.slice(start, end)] : characters.slice(start, end);
    });
    for (const element of lit) element.classList.add("now");
    const span = ids.length && spans.get(ids.at(-1));
    if (span) keepInView(text, characters[span[0]]);
    if (ids.length && heads.has(ids.at(-1))) keepInView(score, heads.get(ids.at(-1)));
  }

  const playing = { title: tune.title, notes: tune.notes, moved };
  const play = h("button", { type: "button", class: "play", disabled: !tune.notes.length,
    click: () => (player.tune === playing ? player.stop() : player.play(playing)) });
  function mark(sounding) {
    const mine = sounding === playing;
    play.textContent = mine ? "■ Stop" : "▶ Play";
    play.setAttribute("aria-label", `${mine ? "stop" : "play"} ${tune.title}`);
    article.classList.toggle("playing", mine);
  }

  /** Play from a note of the score or a character of the text. */
  function playFrom(id) {
    const note = tune.notes.find((one) => one[3] === id);
    if (note) player.play(playing, note[0] / 1000);
  }
  score.addEventListener("click", (event) => playFrom(event.target.closest("[data-e]")?.dataset.e));
  text.addEventListener("click", (event) => {
    const at = Number(event.target.dataset.i);
    playFrom(tune.spans.find(([, start, end]) => start <= at && at < end)?.[0]);
  });

  const recipe = Object.entries(tune.recipe).map(([key, v]) => `${key} ${shown(v)}`).join(", ");
  const article = h("article", { class: "tune" },
    h("header", {},
      h("h3", {}, tune.title), h("span", { class: "quiet" }, recipe),
      h("div", { class: "buttons" }, play,
        h("button", { type: "button", click: () => download(`${slug(tune.title)}.abc`, "text/plain", tune.text) }, "ABC"),
        h("button", { type: "button", disabled: !tune.midi, click: () => download(`${slug(tune.title)}.mid`, "audio/midi",
          Uint8Array.from(atob(tune.midi), (c) => c.charCodeAt(0))) }, "MIDI"))),
    h("div", { class: "views" }, score,
      h("div", { class: "reading" }, tune.units ? heat(tune, characters) : null, text)),
    h("dl", { class: "measures" }, tune.measures.map(([name, figure]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, figure)))),
    problems(tune));
  player.listeners.push(mark);
  mark(null);
  return article;
}

function problems(tune) {
  const count = tune.problems.length + tune.more_problems;
  if (!count) return h("p", { class: "good" }, "✓ parses without a problem");
  return h("details", { class: "problems" },
    h("summary", {}, `${count} ${count === 1 ? "problem" : "problems"} in the text`),
    h("ul", {}, tune.problems.map((problem) => h("li", {}, problem)),
      tune.more_problems ? h("li", {}, `and ${tune.more_problems} more`) : null));
}

/** Scroll a box, but never the page, so that an element inside it can be seen. */
function keepInView(box, element) {
  const outer = box.getBoundingClientRect(), inner = element.getBoundingClientRect();
  if (inner.top < outer.top || inner.bottom > outer.bottom) {
    box.scrollTop += inner.top - outer.top - outer.height / 3;
  }
  if (inner.left < outer.left || inner.right > outer.right) {
    box.scrollLeft += inner.left - outer.left - outer.width / 3;
  }
}

/** Tempo, volume, loop and stop of whatever plays. */
function transport() {
  const title = h("span", { class: "title" }, "Nothing plays");
  const bar = h("progress", { value: 0, max: 1, "aria-label": "position in the tune" });
  const tempo = h("input", { type: "range", id: "tempo", min: 40, max: 200, step: 5, value: 100,
    input: () => { player.setRate(tempo.value / 100); speed.textContent = `${tempo.value} %`; } });
  const speed = h("output", { for: "tempo" }, "100 %");
  const volume = h("input", { type: "range", id: "volume", min: 0, max: 100, step: 1, value: 70,
    input: () => player.setVolume(volume.value / 100) });
  const loop = h("input", { type: "checkbox", id: "loop", change: () => (player.loop = loop.checked) });
  const stop = h("button", { type: "button", class: "stop", disabled: true, click: () => player.stop() }, "■ Stop");
  player.listeners.push((tune) => {
    title.textContent = tune ? tune.title : "Nothing plays";
    stop.disabled = !tune;
    bar.value = 0;
  });
  player.progress = (position, end) => (bar.value = end ? Math.max(position, 0) / end : 0);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") player.stop();
  });
  return h("div", { class: "transport", role: "group", "aria-label": "player" },
    stop, title, bar,
    h("label", {}, "Tempo ", tempo, speed), h("label", {}, "Volume ", volume),
    h("label", {}, loop, " Loop"));
}
