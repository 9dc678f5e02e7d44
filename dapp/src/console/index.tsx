/** The operator's console. */

import { Page } from "../components/page";
import { t } from "../texts";

export default function Console() {
  return <Page title={t.nav.console}>{t.console.soon}</Page>;
}
