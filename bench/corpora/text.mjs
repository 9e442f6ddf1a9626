// Pseudo-text: words by Zipf's law, lines, indentation, a number now and then. It compresses about as prose and
// records do (roughly 3 to 1), and holds no long repeats that would flatter whoever compresses many files together.
import { Random } from "./random.mjs";

const WORDS = 8192;
const DRAWS = 65_536;
const SYLLABLES =
	"ba be bi bo bu da de di do du fa fe fi ga go ha he ho in ka ke ko la le li lo ma me mi mo na ne ni no pa po ra re ri ro sa se si so ta te ti to un va ve vi wa we zo st tr pl ing er ion ".split(
		" ",
	);
const NEWLINE = 10;
const SPACE = 32;
const HEX = Buffer.from("0123456789abcdef");

function makeWords() {
	const random = new Random(20_231_117);
	const seen = new Set();
	while (seen.size < WORDS) {
		// frequent words are short, as in any language
		const syllables = 1 + random.below(seen.size < 200 ? 2 : 4);
		let word = "";
		for (let i = 0; i < syllables; i++)
			word += SYLLABLES[random.below(SYLLABLES.length - 1)];
		seen.add(word);
	}
	return [...seen];
}

function makeDraws() {
	const weights = Array.from({ length: WORDS }, (_, rank) => 1 / (rank + 3));
	const total = weights.reduce((sum, weight) => sum + weight, 0);
	const draws = new Uint16Array(DRAWS);
	let sum = 0;
	let at = 0;
	for (let rank = 0; rank < WORDS; rank++) {
		sum += weights[rank];
		const end = Math.round((sum / total) * DRAWS);
		while (at < end) draws[at++] = rank;
	}
	return draws;
}

export const words = makeWords();
const draws = makeDraws();
const letters = Buffer.from(words.join(""), "latin1");
const starts = new Uint32Array(WORDS + 1);
for (let i = 0; i < WORDS; i++) starts[i + 1] = starts[i] + words[i].length;

function putNumber(target, at, { end, random }) {
	const bits = random.next();
	for (let shift = 28; shift >= 0 && at < end; shift -= 4)
		target[at++] = HEX[(bits >>> shift) & 15];
	return at;
}

function putWord(target, at, { end, word }) {
	const last = starts[word + 1];
	for (let from = starts[word]; from < last && at < end; from++)
		target[at++] = letters[from];
	return at;
}

/** Fills `target` (a Uint8Array) from `start` to `end` with pseudo-text. */
export function fillText(target, { start, end, random }) {
	let at = start;
	while (at < end) {
		const bits = random.next();
		at =
			(bits & 31) === 0
				? putNumber(target, at, { end, random })
				: putWord(target, at, { end, word: draws[bits >>> 16] });
		if (at < end) target[at++] = ((bits >>> 5) & 15) === 0 ? NEWLINE : SPACE;
	}
}
