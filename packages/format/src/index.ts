export {
	birthBytes,
	decodeBirths,
	encodeBirths,
	isBirths,
} from "./births.ts";
export * from "./byte-reader.ts";
export * from "./byte-writer.ts";
export * from "./bytes.ts";
export {
	type Config,
	decodeConfig,
	defaultParameters,
	encodeConfig,
	formatVersion,
	requireParameters,
} from "./config.ts";
export {
	type Content,
	contentLength,
	decodeItemHeaders,
	decodeList,
	emptyContent,
	encodeItemHeaders,
	encodeList,
	ItemKind,
	maxFileBytes,
	maxInlineItems,
	minZeroRun,
	spanBytes,
} from "./content.ts";
export * from "./crc32.ts";
export * from "./errors.ts";
export * from "./features.ts";
export * from "./fields.ts";
export {
	Codec,
	decodeFrameBody,
	decodeFrameHeader,
	dictionaryPrefixBytes,
	encodeFrameBodyHead,
	encodeFrameHeader,
	type FrameBody,
	type FrameHeader,
	FrameKind,
	frameHeaderBytes,
	looksLikeFrame,
	maxBaseRaw,
	maxBasesPerFrame,
	maxChunksPerFrame,
	maxFrameRaw,
	maxFrameStored,
} from "./frame.ts";
export { fromHex, toHex } from "./hex.ts";
export * from "./id.ts";
export * from "./json.ts";
export * from "./links.ts";
export * from "./marks.ts";
export * from "./name.ts";
export {
	type Attribute,
	blankNode,
	isNodeName,
	maxMtime,
	minMtime,
	type Node,
	NodeKind,
} from "./node.ts";
export {
	decodeDirectory,
	decodePackHeader,
	encodeDirectory,
	encodePackHeader,
	type PackFrame,
	type PackKind,
	packHeaderBytes,
} from "./pack.ts";
export * from "./pages.ts";
export * from "./policy.ts";
export * from "./record.ts";
export * from "./reserve.ts";
export * from "./scan-state.ts";
export { encodeSegment } from "./segment.ts";
export {
	type SegmentLayout,
	type SegmentPack,
	segmentHeaderBytes,
} from "./segment-layout.ts";
export { type Place, SegmentReader } from "./segment-reader.ts";
export * from "./trailer.ts";
export { encodeTree, maxTreeNodes } from "./tree.ts";
export { decodeTree } from "./tree-decode.ts";
export * from "./walk-order.ts";
