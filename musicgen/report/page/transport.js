// The bar at the foot of the window: what plays, where in it, how fast and how loud.
function transport() {
  let [card] = cards;
  const play = h("button", { type: "button", class: "play", click: () => card.play() });
  const title = h("a", { class: "title", click: (event) => { event.preventDefault(); card.show(); } });
  const said = h("span", { class: "unseen", role: "status" });
  const place = h("input", { type: "range", class: "place", max: 200, value: 0, "aria-label": "place in the tune",
    input: () => player.play(card.sound, (place.value / place.max) * card.sound.end) });
  const tempo = h("input", { type: "range", id: "tempo", min: 40, max: 200, step: 5, value: 100,
    input: () => { player.setRate(tempo.value / 100); speed.textContent = `${tempo.value} %`; } });
  const speed = h("output", { for: "tempo" }, "100 %");
  const volume = h("input", { type: "range", id: "volume", value: 70,
    input: () => player.setVolume(volume.value / 100) });
  const loop = h("input", { type: "checkbox", id: "loop", change: () => (player.loop = loop.checked) });
  const chords = h("input", { type: "checkbox", id: "chords", checked: true,
    change: () => (player.accompanied = chords.checked) });

  function show(sound) {
    card = cards.find((one) => one.sound === sound) ?? card;
    title.textContent = card.title;
    title.href = `#${card.id}`;
    name(play, sound, card.title);
    const says = sound ? `playing ${card.title}` : "";
    if (said.textContent !== says) said.textContent = says;
    if (!sound) placeAt(0);
  }
  function placeAt(position) {
    place.value = place.max * position / card.sound.end;
    place.setAttribute("aria-valuetext", `${Math.round(position)} of ${Math.round(card.sound.end)} seconds`);
  }

  player.listeners.push(show);
  player.progress = placeAt;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") player.stop();
  });
  show(null);
  return h("div", { class: "transport", role: "group", "aria-label": "player" },
    play, title, said, place,
    h("label", {}, "Tempo ", tempo, speed), h("label", {}, "Volume ", volume),
    h("label", {}, loop, " Loop"),
    h("label", {}, chords, " Chords"));
}

/** A button that plays or stops a tune says which. */
function name(button, sounding, title) {
  button.textContent = sounding ? "■ Stop" : "▶ Play";
  button.setAttribute("aria-label", `${sounding ? "stop" : "play"} ${title}`);
}
