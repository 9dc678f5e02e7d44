import { Page } from "../components/page";
export function StakePage({ id }: { id: string }) {
  return <Page title={id}>{id}</Page>;
}
