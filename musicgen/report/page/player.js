// Sound. One player for the page, so that two tunes never sound at once.
const AHEAD = 0.25; // seconds that are scheduled in advance; timers are not punctual
const AHEAD_HIDDEN = 2.5; // a page in the background gets a timer a second
const START = 0.03; // from the click to the first note

class Player {
  tune = null;
  rate = 1;
  volume = 0.7;
  loop = false;
  /** Whether bass and chords sound. */
  accompanied = true;
  /** Called with the tune that plays from now on, or null. */
  listeners = [];

  /** tune: {notes: [[onset ms, length ms, MIDI pitch, id, loudness]], end: seconds,
      moved(ids that sound)}; a note of the accompaniment has no id. from: seconds. */
  play(tune, from = 0) {
    this.silence();
    this.open();
    this.context.resume();
    this.wave ??= this.context.createPeriodicWave(
      new Float32Array([0, 1, 0.42, 0.24, 0.11, 0.07, 0.03]), new Float32Array(7));
    this.bus = this.context.createGain();
    this.bus.gain.value = this.volume ** 2;
    this.limiter ??= new DynamicsCompressorNode(this.context, { threshold: -14, ratio: 6 });
    this.bus.connect(this.limiter).connect(this.context.destination);
    this.tune = tune;
    this.anchor(from, this.context.currentTime + START);
    this.seek(from);
    this.schedule();
    this.timer = setInterval(() => this.schedule(), 25);
    this.follow();
    for (const listener of this.listeners) listener(tune);
  }

  /** The browser takes a while to start its sound, so the press of a button begins with it. */
  open() {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
  }

  stop() {
    this.silence();
    for (const listener of this.listeners) listener(null);
  }

  silence() {
    if (!this.tune) return;
    const { tune, bus } = this;
    this.tune = null;
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    // Short, but no click; what was scheduled behind it is never heard.
    bus.gain.setTargetAtTime(0, this.context.currentTime, 0.012);
    setTimeout(() => bus.disconnect(), 150);
    tune.moved([]);
  }

  /** Let `position` in the tune fall on `time` of the sound card. */
  anchor(position, time) {
    this.from = position;
    this.at = time;
  }

  get position() {
    return this.from + (this.context.currentTime - this.at) * this.rate;
  }

  setRate(rate) {
    if (this.tune) this.anchor(this.position, this.context.currentTime);
    this.rate = rate;
  }

  setVolume(volume) {
    this.volume = volume;
    if (this.tune) this.bus.gain.setTargetAtTime(volume ** 2, this.context.currentTime, 0.02);
  }

  /** The next note to schedule, and the next to show. */
  seek(position) {
    const first = this.tune.notes.findIndex(([onset]) => onset >= 1000 * position - 1);
    this.next = this.shown = first < 0 ? this.tune.notes.length : first;
    this.sounding = [];
    this.lap = 0; // rounds scheduled ahead of the one that is shown
  }

  /** Give the sound card what comes next; at the end stop, or begin again. By a timer, since a page in
      the background draws no frames. */
  schedule() {
    const { notes, end } = this.tune;
    while (this.position >= end) {
      if (!this.loop) return this.stop();
      this.anchor(this.from - end, this.at);
      if (this.lap) this.lap = 0;
      else this.next = 0;
      this.shown = 0;
      this.sounding = [];
    }
    const horizon = this.context.currentTime + (document.hidden ? AHEAD_HIDDEN : AHEAD);
    for (;;) {
      if (this.next >= notes.length) {
        if (!this.loop || this.lap) return;
        this.next = 0;
        this.lap = 1;
      }
      const [onset, length, pitch, id, loudness] = notes[this.next];
      const position = onset / 1000 + this.lap * end;
      const time = this.at + (position - this.from) / this.rate;
      if (time > horizon) return;
      if (id || this.accompanied) this.sound(pitch, time, length / 1000 / this.rate, loudness);
      this.next++;
    }
  }

  sound(pitch, time, length, loudness) {
    const start = Math.max(time, this.context.currentTime);
    const stop = start + Math.max(length * 0.95, 0.06);
    const voice = new OscillatorNode(this.context, {
      frequency: 440 * 2 ** ((pitch - 69) / 12), periodicWave: this.wave });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.32 * loudness, start + 0.012);
    gain.gain.setTargetAtTime(0.14 * loudness, start + 0.012, 0.25);
    gain.gain.setTargetAtTime(0, stop - 0.02, 0.03);
    voice.connect(gain).connect(this.bus);
    voice.start(start);
    voice.stop(stop + 0.2);
  }

  /** Show what sounds, at the pace of the screen. */
  follow() {
    this.frame = requestAnimationFrame(() => this.follow());
    const { notes } = this.tune;
    const position = this.position - (this.context.outputLatency || 0) * this.rate;
    const now = 1000 * position;
    const before = this.sounding;
    const sounding = before.filter(([onset, length]) => onset + length > now);
    while (this.shown < notes.length && notes[this.shown][0] <= now) {
      const note = notes[this.shown++];
      if (note[3] && note[0] + note[1] > now) sounding.push(note);
    }
    if (sounding.length !== before.length || sounding.some((note, i) => note !== before[i])) {
      this.sounding = sounding;
      this.tune.moved(sounding.map((note) => note[3]));
    }
    this.progress?.(Math.max(position, 0));
  }
}

const player = new Player();
document.addEventListener("mousedown", (event) => {
  if (event.target.closest(".play, [data-e], [data-i]")) player.open();
});
