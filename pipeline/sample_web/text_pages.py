"""Openings, scenes and closings of travel reports, news, chronicles, place and company pages."""

SCENE = (
    "It was a {weekday} in {month}, and {weather}.",
    "[Outside|In the street], {weather}.",
    "[When we arrived|By the time we got there], {weather}.",
    "A~ {relative} of [ours|mine] had lent us a~ {tool} and a basket with {food}.",
    "[We|Everybody] [stopped|sat down] for {drink} at the {building}.",
    "On {street} somebody was [playing scales|selling {flower}|chasing a~ {animal}].",
    "The {vehicle} broke down near the {building}, and [nobody was surprised|we walked the rest].",
    "{crowd} had [gathered|come together] in front of the {building}.",
    "The clock of the {building} struck {small_number}, [a little too early|and nobody counted].",
    "A~ {colour} {animal} [watched us|slept] on the steps of the {building}.",
    "[Lunch|Supper] was {food}, [and there was plenty|cold but good|shared with strangers].",
    "Somewhere a~ [door|shutter] was banging, and {bird} flew up from the {tree} trees.",
    "We had [packed|forgotten] the umbrella, [of course|as always].",
    "The inn had one free room, with a~ {furniture} of {material} and a view of [a wall|the "
    "{building}|an orchard].",
    "A boy with a~ {colour} cap showed [us|everyone] the way and [wanted nothing for it|talked "
    "without stopping].",
    "My {relative} bought {small_number} postcards and wrote none of them.",
    "[In the evening|After dark] we played {game} in the {room}, and [I lost|we stayed too long].",
    "The path went [uphill|along a hedge|through a~ {tree} wood], and [my boots were new|we sang].",
    "[Someone|An old woman] offered us {food} over the fence.",
    "We counted {small_number} {bird} on the roof of the {building}.",
    "[The night|Sleep] was short, since a~ {animal} [snored|barked|sang] under the window.",
    "For {small_number} minutes nobody spoke, [we just looked|which is rare among us].",
)
TRAVEL_OPENING = (
    "[Last|This] {season} [we|my {relative} and I] [set out|left home] with [two rucksacks|an old "
    "map|little money] and no [plan|hurry].",
    "[I|We] had [wanted|meant] to make this journey [for years|since school|since we first saw "
    "the map].",
    "The plan was simple: [go on foot|take the slow {vehicle}], [talk to people|eat well], and "
    "[be back by {month}|write everything down].",
    "Day {small_number} of our trip began [badly|early|with {food}].",
    "[Some journeys|A few trips] begin with a~ [mistake|dare|wrong train], and so did this one.",
)
TRAVEL_CLOSING = (
    "[We|I] got home [late|tired|wet through], with [sore feet|a bag of apples|{small_number} new "
    "friends].",
    "Would [we|I] do it again? [Tomorrow|At once|Yes, but with better shoes].",
    "The [photographs|notes] are in a box now, and the [rucksack|map] hangs [on its nail|in the "
    "{room}].",
    "Next {season} we want to go further, [if the knees allow it|by {vehicle} this time].",
)
NEWS_OPENING = (
    "{crowd} came to the {building} on {weekday} for [the opening of a new bridge|the {season} "
    "concert|the yearly {animal} show|a lecture about {hobby}|the school prizes].",
    "[After|Following] {small_number} months of work the {building} was opened again on {weekday} "
    "[morning|evening].",
    "A~ [storm|burst pipe|small fire] in the night to {weekday} [damaged|closed] the {building}, "
    "but nobody was hurt.",
    "The council [met|came together] on {weekday} to talk about [the {building}|the price of "
    "water|a new {vehicle} line].",
    "The {season} fair [ended|opened] on {weekday} with [speeches|music] and {food} for "
    "[everyone|{small_number} hundred guests].",
    "A lost {animal} kept the town busy on {weekday} until it was found in the {building}.",
    "The prize for the finest {flower} of the year was [handed over|awarded] on {weekday}.",
)
NEWS = (
    "The [speeches|talks] were short, [to general relief|for once], and the band [played "
    "twice|was in good form].",
    "Some [residents|neighbours] complained about the [noise|cost|parking], others "
    "[clapped|brought cake].",
    "The work cost [more than planned|less than feared], and [the rest of the money|what is left] "
    "will go to the {building}.",
    "[Traffic|The market] will be moved to {street} until {month}.",
    "[According to|In the words of] the [fire brigade|organisers|police], everything [went "
    "well|was over in an hour].",
    "Volunteers served {food} and {drink} until [late in the evening|nothing was left].",
    "The school choir sang, and [one singer fainted|nobody wanted to go home].",
    "A~ [collection|raffle] for the {building} brought in enough for [a new door|{small_number} "
    "windows].",
    "The next meeting is on {weekday} in the {room} of the {building}.",
    "Rain [held off|set in] just as the [parade|race|concert] began.",
    "One visitor had come {small_number} hours by {vehicle} and [did not regret it|slept through "
    "the end].",
    "A~ {animal} [ran across the stage|won the hearts of the guests|ate the flowers], to loud "
    "applause.",
    "The oldest guest was ninety-{unit}, the youngest was [asleep|three weeks old].",
)
NEWS_CLOSING = (
    "[Details|The full list] can be read at the {building}.",
    "Our paper will [report|keep an eye on it].",
    "[Next week|On {weekday}] we will [print the photographs|know more].",
    "Until then, the {building} stays [open|closed|as it is].",
)
PLACE_OPENING = (
    "[Whoever|Anyone who] comes here for the first time [is surprised by the silence|looks "
    "up|wants to stay].",
    "[This|The] article [collects|sums up] what is known from [books|the archive|older visitors].",
    "There are [larger|richer|louder] places, but [few|hardly any] with so much "
    "[charm|sky|history].",
    "[Little|Not much] has been written about this [corner|part] of the country, [so here is a "
    "start|and that is a pity].",
    "[Guidebooks|Schoolbooks] give it {small_number} lines, and it deserves more.",
)
PLACE_CLOSING = (
    "[Further|More] reading can be found in the [library|archive] at {street}.",
    "[Maps|Old prints] of the area are kept in the {building}.",
    "The best time to come is {month}, when [the {tree} trees are in colour|it is neither hot nor "
    "cold].",
    "Much more could be told, but [that|this] is a beginning.",
    "A~ [longer|fuller] account is being [written|prepared] by the [teachers of the "
    "school|history society].",
)
COMPANY_OPENING = (
    "[Every firm|A good firm] has a story, and [ours|this one] began [small|with a mistake|on a "
    "rainy {weekday}].",
    "[Welcome|Thank you for your interest]. [On this page we tell|Here is] how it all came about.",
    "Some [names|brands] are known for [noise|advertising], this one for [quality|{virtue}].",
    "[If these walls could talk|If our oldest machine could write], they would begin like this.",
)
COMPANY_CLOSING = (
    "[Come and visit us|Drop in] on a {weekday}, the {drink} is free.",
    "[We look forward|The whole team looks forward] to your [letter|visit|call].",
    "[The next|Our next] open day is in {month}, [with {food}|weather permitting].",
    "Quality takes time, and [we have it|that is no secret].",
)
CHRONICLE_OPENING = (
    "[This|The] chronicle was [begun|kept] by a~ [priest|school teacher|night watchman] and "
    "[continued|copied] by {small_number} others.",
    "[From|Out of] the [damp|heavy] books in the {building} we have copied what [concerns|may "
    "interest] our readers.",
    "The [dates|entries] below come from [town records|church books|old newspapers] and have been "
    "checked [twice|with care].",
    "[Each|Every] {season} the history society [adds|writes] a few pages, and here is the latest "
    "part.",
)
CHRONICLE = (
    "[A hailstorm|A plague of mice|A late frost] destroyed most of the harvest, and bread became "
    "dear.",
    "[In the same decade|Not long after], the {building} got [a new roof|a second door|a clock].",
    "The night watchman [was dismissed|fell asleep] after [ringing the bell for nothing|a night "
    "of {drink}].",
    "A travelling [circus|theatre|dentist] came through, and [people talked of it for years|the "
    "{animal} escaped].",
    "{small_number} families moved [here|away] because of [the work|the floods|a quarrel].",
    "The [street lamps|first telephones] arrived, and [the old people shook their heads|it was "
    "never quite dark again].",
    "The [well|clock|bell] on {street} was [repaired|stolen|moved], [not for the last time|at "
    "great cost].",
    "[A wedding|A trial|A funeral] brought more [guests|carriages] than the inns could hold.",
    "The winter was so hard that [wolves came to the gates|the wine froze|mills stood still until "
    "{month}].",
    "The teacher wrote that the children [were often hungry|sang beautifully|knew their numbers].",
    "Then [for a while|for {small_number} years] nothing happened that was thought worth "
    "[ink|noting].",
)
