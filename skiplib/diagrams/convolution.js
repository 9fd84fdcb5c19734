// Answers the mouse. `this` is the group "hits"; it is asked by a pointer's event, by {place: 7}, which is a step of a
// walk, or by {walk: 1}. (Browsers call the argument of a handler `evt` in SVG, and `event` elsewhere.)
// A transposed convolution is a convolution that is read `back`: its inputs are in the panel "output".
const asked = arguments[0];
const {cell, rows, columns, sums} = this.axes ??= JSON.parse(this.dataset.axes);
const back = rows.reached;
const now = this.ownerSVGElement.querySelector('.now'), [cover, fed] = this.children;
const places = rows.places * columns.places, box = this.closest('.skiplib-explorer')?.querySelector('.skiplib-output_index input');
const far = columns.output + columns.places * cell, low = rows.output + rows.places * cell;
const square = (axes, row, column) => `M${columns[axes] + column * cell} ${rows[axes] + row * cell}h${cell}v${cell}h-${cell}z`;
const say = (...words) => [...now.querySelectorAll('text.said')].forEach((line, i) => line.textContent = words[i] ?? '');
const rest = () => {
  now.innerHTML = this.kept ??= now.innerHTML;
  cover.setAttribute('d', '');
  fed.setAttribute('d', '');
};
const set = place => {
  rest();
  if (box) box.value = place;
  box?.dispatchEvent(new Event('change', {bubbles: true}));
};
const show = (row, column) => {
  const y = rows.output + row * cell, x = columns.output + column * cell;
  const top = rows.input + row * rows.stride * cell, left = columns.input + column * columns.stride * cell;
  const right = left + columns.span * cell, bottom = top + rows.span * cell;
  now.children[0].setAttribute('transform', `translate(${left} ${top})`);
  now.children[1].setAttribute('d', `M${right} ${top}L${x} ${y}M${right} ${bottom}L${x} ${y + cell}`);
  now.children[2].setAttribute('transform', `translate(${x} ${y})`);
  say(rows.reads[row], columns.reads[column], sums[row * columns.places + column]);
  if (asked.place >= 0) cover.setAttribute('d', `M${columns.output} ${y + cell}H${far}V${low}H${columns.output}zM${x + cell} ${y}H${far}v${cell}H${x + cell}z`);
};
const light = (panel, row, column, other, down, across) => {
  now.querySelectorAll(':scope > :not(.said)').forEach(part => part.setAttribute('visibility', 'hidden'));
  fed.setAttribute('d', square(panel, row, column) + down.flatMap(y => across.map(x => square(other, y, x))).join(''));
};
const feed = (row, column) => {
  const found = rows.feeds[row].length * columns.feeds[column].length;
  const inside = row >= rows.padding && row < rows.padded - rows.padding && column >= columns.padding && column < columns.padded - columns.padding;
  const pixel = inside ? `pixel (${row - rows.padding}, ${column - columns.padding})` : 'this pixel of the padding';
  light('input', row, column, 'output', rows.feeds[row], columns.feeds[column]);
  if (back) say(rows.reached[row], columns.reached[column]);
  else say(`${pixel} feeds ${found || 'no'} output${found === 1 ? '' : 's'}`);
};
const spread = (row, column) => {
  const read = (axis, place) => axis.feeds.flatMap((places, position) => places.includes(place) ? position : []);
  light('output', row, column, 'input', read(rows, row), read(columns, column));
  say(rows.reads[row], columns.reads[column]);
};
const at = axes => {
  const p = new DOMPoint(asked.clientX, asked.clientY).matrixTransform(this.getScreenCTM().inverse());
  return [Math.floor((p.y - rows[axes]) / cell), Math.floor((p.x - columns[axes]) / cell)];
};
const within = ([row, column], count) => row >= 0 && column >= 0 && row < rows[count] && column < columns[count];
if (asked.walk && this.timer) {
  clearInterval(this.timer);
  this.timer = set(this.place);
} else if (asked.walk && matchMedia('(prefers-reduced-motion: reduce)').matches) {
  set((+box.value + 1) % places);
} else if (asked.walk) {
  this.place = +box.value % (places - 1 || 1) - 1;
  this.timer = setInterval(() => {
    if (!this.isConnected) clearInterval(this.timer);
    else if (++this.place < places) this.onpointermove({place: this.place});
    else this.timer = clearInterval(this.timer) ?? set(--this.place);
  }, Math.min(400, 20000 / places));
} else if (asked.place >= 0) {
  rest();
  show(Math.floor(asked.place / columns.places), asked.place % columns.places);
} else if (asked.type === 'click') {
  const [row, column] = back ? at('input').map((position, i) => position - [rows, columns][i].padding) : at('output');
  const count = back ? 'size' : 'places';
  if (within([row, column], count)) set(row * columns[count] + column);
} else if (!this.timer) {
  rest();
  if (asked.type === 'pointermove' && within(at('output'), 'places')) (back ? spread : show)(...at('output'));
  else if (asked.type === 'pointermove' && within(at('input'), 'padded')) feed(...at('input'));
}
