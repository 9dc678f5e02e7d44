import { Page } from "../components/page";
export function PositionPage({ shown }: { shown?: string }) {
  return <Page title="My position">{shown}</Page>;
}
