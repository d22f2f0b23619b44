// A tune's card: score, text, measures; the sounding note moves through score and text together.

/** The tunes that can be played, of the networks that were opened: {id, row, title, sound}, and what
    plays or shows them. */
const cards = [];

function buildTunes(section) {
  if (!data.tunes.length) return section.append(h("p", { class: "quiet" }, "No tunes were written yet."));
  section.append(...data.tunes.map((entry, index) => {
    const best = index === 0 && data.tunes.length > 1 ? "best: " : "";
    const details = h("details", { id: `tunes-${index}`, class: "trial", toggle: build },
      h("summary", {}, h("span", { class: "rank" }, `${best}${value(entry.row, "number") ?? ""}`),
        ` ${label(entry.row)} `, h("span", { class: "quiet" },
          `${objective.key} ${shown(value(entry.row, objective.key)) || value(entry.row, "status")}`)));
    // Scores are large: a trial's are built when it is first opened.
    function build() {
      if (!details.open || details.dataset.built) return;
      details.dataset.built = "yes";
      if (entry.command) details.append(h("p", { class: "quiet" }, "To train it again:"), copyable(entry.command));
      if (entry.note) details.append(h("p", { class: "notice", role: "note" }, `⚠ ${entry.note}`));
      details.append(...entry.tunes.map((tune, number) => buildCard(tune, `tunes-${index}-${number}`, entry.row, details)));
    }
    if (index === 0) { details.open = true; build(); }
    return details;
  }));
}

function openTunes(index) {
  document.getElementById(`tunes-${index}`).open = true;
}

function buildCard(tune, id, row, details) {
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
  const units = tune.units && heat(tune.units, characters);
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
    units?.at(span ? span[0] : null);
    if (ids.length && heads.has(ids.at(-1))) keepInView(score, heads.get(ids.at(-1)));
  }

  const end = Math.max(0, ...tune.notes.map(([onset, length]) => onset + length)) / 1000;
  const sound = { notes: tune.notes, end, moved };
  const play = h("button", { type: "button", class: "play", disabled: !end, click: toggle });
  function toggle() {
    if (player.tune === sound) player.stop();
    else player.play(sound);
  }
  function show() {
    details.open = true;
    article.scrollIntoView();
    play.focus({ preventScroll: true });
  }

  /** Play from a note of the score or a character of the text. */
  function playFrom(id) {
    const note = tune.notes.find((one) => one[3] === id);
    if (note) player.play(sound, note[0] / 1000);
  }
  score.addEventListener("click", (event) => playFrom(event.target.closest("[data-e]")?.dataset.e));
  text.addEventListener("click", (event) => {
    const at = Number(event.target.dataset.i);
    playFrom(tune.spans.find(([, start, end]) => start <= at && at < end)?.[0]);
  });

  const recipe = Object.entries(tune.recipe).map(([key, v]) => `${key} ${shown(v)}`).join(", ");
  const article = h("article", { class: "tune", id },
    h("header", {},
      h("h3", {}, tune.title), h("span", { class: "quiet" }, recipe),
      h("div", { class: "buttons" }, play,
        h("button", { type: "button", click: () => download(`${slug(tune.title)}.abc`, "text/plain", tune.text) }, "ABC"),
        h("button", { type: "button", disabled: !tune.midi, click: () => download(`${slug(tune.title)}.mid`, "audio/midi",
          Uint8Array.from(atob(tune.midi), (c) => c.charCodeAt(0))) }, "MIDI"))),
    h("div", { class: "views" }, score,
      h("div", { class: "reading" }, units?.element, text)),
    h("dl", { class: "measures" }, tune.measures.map(([name, figure]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, figure)))),
    problems(tune));
  const mark = (sounding) => {
    article.classList.toggle("playing", sounding === sound);
    name(play, sounding === sound, tune.title);
  };
  player.listeners.push(mark);
  mark(null);
  if (end) cards.push({ id, row, title: tune.title, sound, play: toggle, show });
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
