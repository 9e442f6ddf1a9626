// What each tool has stored after each snapshot, as an SVG picture.

const width = 720;
const height = 420;
const margin = { left: 70, right: 110, top: 40, bottom: 45 };
const colours = ["#0b6e4f", "#c1666b", "#4c6fae", "#8d6a9f"];

/** The next of 1, 2, 5, 10, 20, ... that is at least `value`. */
function roundUp(value) {
	const power = 10 ** Math.floor(Math.log10(value));
	return [1, 2, 5, 10].map((times) => times * power).find((n) => n >= value);
}

export function drawCurves({ title, results }) {
	const counts = results.map(({ snapshots }) => snapshots.length);
	const last = Math.max(...counts) - 1;
	const megabytes = (bytes) => bytes / 1e6;
	const most = Math.max(
		...results.map(({ snapshots }) => megabytes(snapshots.at(-1).stored)),
	);
	const step = roundUp(most / 6);
	const top = Math.ceil(most / step) * step;
	const x = (number) =>
		margin.left + ((width - margin.left - margin.right) * number) / last;
	const y = (amount) =>
		height -
		margin.bottom -
		((height - margin.top - margin.bottom) * amount) / top;
	const round = (value) => value.toFixed(1);
	const grid = [];
	for (let amount = 0; amount <= top; amount += step)
		grid.push(
			`<line x1="${margin.left}" x2="${width - margin.right}" y1="${round(y(amount))}" y2="${round(y(amount))}" stroke="#ddd"/>`,
			`<text x="${margin.left - 8}" y="${round(y(amount) + 4)}" text-anchor="end">${amount}</text>`,
		);
	const every = Math.max(1, Math.round(last / 10));
	for (let number = 0; number <= last; number += every)
		grid.push(
			`<text x="${round(x(number))}" y="${height - margin.bottom + 18}" text-anchor="middle">${number}</text>`,
		);
	const curves = results.map(({ tool, snapshots }, i) => {
		const points = snapshots.map(
			({ stored }, number) =>
				`${round(x(number))},${round(y(megabytes(stored)))}`,
		);
		const end = megabytes(snapshots.at(-1).stored);
		return [
			`<polyline fill="none" stroke="${colours[i]}" stroke-width="2" points="${points.join(" ")}"/>`,
			`<text x="${width - margin.right + 6}" y="${round(y(end) + 4)}" fill="${colours[i]}">${tool} ${Math.round(end)}</text>`,
		].join("\n");
	});
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>MB stored after each snapshot: ${title}</title>
<rect width="${width}" height="${height}" fill="white"/>
<text x="${margin.left}" y="22" font-size="14">${title}</text>
<text x="${width / 2}" y="${height - 8}" text-anchor="middle">snapshots after the first</text>
<text transform="translate(16 ${height / 2}) rotate(-90)" text-anchor="middle">MB stored</text>
${grid.join("\n")}
${curves.join("\n")}
</svg>
`;
}
