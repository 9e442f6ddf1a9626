// `npm run build`: installs and builds what is out of date, as `npm start` and `npm test` do before they run.

import { prepare } from "./prepare.mjs";

await prepare();
