import { Page } from "../components/page";
export function PoolPage() {
  return <Page title="Pool">Pool</Page>;
}
