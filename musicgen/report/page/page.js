// The page from top to bottom.
function build() {
  const sections = [["table", "Ranking", buildTable], ["curves", "Curves", buildCurves]];
  if (front.objectives.length > 1) sections.push(["front", "The front", buildFront]);
  if (swept.length && drawnRows(2).length > 1) sections.push(["parameters", "Parameters", buildParameters]);
  sections.push(["tunes", "Tunes", buildTunes], ["about", "How it was done", buildAbout]);
  for (const [id, title, make] of sections) {
    const section = h("section", { id, "aria-labelledby": `${id}-title` },
      h("h2", { id: `${id}-title` }, title));
    document.querySelector("main").append(section);
    make(section);
  }
  document.querySelector("header").append(
    h("h1", {}, data.title),
    ...data.sources.map(({ name, question }) =>
      h("p", {}, data.sources.length > 1 ? `${name}: ${question}` : question)),
    ...data.notices.map((text) => h("p", { class: "notice", role: "note" }, `⚠ ${text}`)),
    winner(),
    h("nav", { "aria-label": "sections" },
      sections.map(([id, title]) => h("a", { href: `#${id}` }, title))));
  document.querySelector("footer").append(
    ...data.left_out.map((text) => h("p", {}, `Left out: ${text}`)),
    h("p", {}, `Made by musicgen ${data.version}, ${data.made}. This page needs no network.`));
  if (cards.length) document.body.append(transport());
}

/** What won, in figures, and how it sounds. */
function winner() {
  const best = winning();
  const [card] = cards;
  const accuracy = best != null && value(best, "val_accuracy");
  return h("div", { class: "winner" },
    h("p", { class: "quiet" }, `${best != null && data.rows.length > 1 ? "Best of " : ""}${data.summary}`),
    best != null && h("p", { class: "best" }, label(best)),
    best != null && h("p", {},
      `${objective.label} ${shown(value(best, objective.key))}${objective.unit && ` ${objective.unit}`}`,
      typeof accuracy === "number" && objective.key !== "val_accuracy"
        ? `, ${number(Number((100 * accuracy).toFixed(1)))} % of characters predicted right` : ""),
    card && h("p", {}, h("button", { type: "button", class: "play", click: () => { card.show(); card.play(); } },
      `▶ Hear ${card.row === best ? "it" : label(card.row)}: ${card.title}`)));
}

function buildAbout(section) {
  for (const source of data.sources) {
    if (data.sources.length > 1) section.append(h("h3", {}, source.name));
    section.append(facts(source.facts));
    if (source.command) section.append(h("p", { class: "quiet" }, "To do it again:"), copyable(source.command));
    section.append(h("details", {},
      h("summary", {}, "The rest of the configuration"), facts(source.settings)));
  }
}

const facts = (pairs) => h("dl", { class: "facts" }, pairs.map(([name, fact]) =>
  h("div", {}, h("dt", {}, name), h("dd", {}, fact))));

build();
